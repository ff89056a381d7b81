/** Errors as the platform states them (RFC 9457 problem details), and the one error class the console throws. */

export type Problem = {
  title: string;
  status: number;
  code: string;
  detail?: string | null | undefined;
  request_id?: string | null | undefined;
  errors?: FieldProblem[] | null | undefined;
};

/** `pointer` is a JSON pointer into the body (RFC 6901), such as `/email`. */
export type FieldProblem = { pointer: string; detail: string };

export class ApiError extends Error {
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.detail || problem.title);
    this.name = "ApiError";
    this.problem = problem;
  }

  get status(): number {
    return this.problem.status;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

const text = (value: unknown): string | undefined => (typeof value === "string" && value !== "" ? value : undefined);

/** Reads problem+json, OpenAI's error envelope, or whatever a proxy in between answered. */
export function toProblem(status: number, body: unknown, requestId?: string | null): Problem {
  const record = isRecord(body) ? body : {};
  const inner = isRecord(record["error"]) ? record["error"] : {};
  return {
    status,
    title: text(record["title"]) ?? text(inner["message"]) ?? defaultTitle(status),
    code: text(record["code"]) ?? text(inner["code"]) ?? `http_${status}`,
    detail: text(record["detail"]),
    request_id: text(record["request_id"]) ?? requestId ?? undefined,
    errors: Array.isArray(record["errors"]) ? (record["errors"] as FieldProblem[]) : undefined,
  };
}

export function unreachable(): ApiError {
  return new ApiError({
    status: 0,
    title: "The server can't be reached",
    code: "network",
    detail: "Check the connection, then try again.",
  });
}

/** Anything thrown in a query or mutation, as a problem that can be shown. */
export function problemOf(error: unknown): Problem {
  if (error instanceof ApiError) return error.problem;
  const detail = error instanceof Error ? error.message : String(error);
  return { status: 0, title: "Something failed in this page", code: "console", detail };
}

/** The message for one form field, if the server named it. */
export function fieldMessage(problem: Problem | null, field: string): string | undefined {
  const found = problem?.errors?.find((entry) => entry.pointer.split("/").at(-1) === field);
  return found?.detail;
}

/** What a job or export stored of its failure. */
export function failureText(error: Record<string, unknown> | null): string {
  if (!error) return "";
  return text(error["detail"]) ?? text(error["message"]) ?? text(error["title"]) ?? text(error["code"]) ?? "Failed without a reason on record";
}

function defaultTitle(status: number): string {
  if (status === 401) return "Your session has ended";
  if (status === 403) return "You may not do this";
  if (status === 404) return "This doesn't exist, or you may not see it";
  if (status === 429) return "Too many requests";
  return status >= 500 ? "The server failed" : "The request was refused";
}
