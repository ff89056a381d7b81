/** What the kinds of task events and states mean to the console. */

const TERMINAL: ReadonlySet<string> = new Set(["task.completed", "task.failed", "task.cancelled"]);

export const isTerminal = (type: string): boolean => TERMINAL.has(type);
export const isOpen = (status: string): boolean => status === "queued" || status === "running";
