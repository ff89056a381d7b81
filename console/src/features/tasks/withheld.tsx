/** Stands where the words of a task would, for those who may not read them. */
export function Withheld() {
  return <span className="text-muted italic">Withheld: someone else's task</span>;
}
