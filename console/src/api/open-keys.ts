/**
 * Idempotency keys of requests that have no answer yet. What is asked again after its answer was lost goes
 * under the key that it had, so that it has one effect whether or not it had arrived before.
 */
const MOST = 50;

export class OpenKeys {
  private readonly keys = new Map<string, string>();
  private readonly asked = new Map<string, string>();

  constructor(private readonly make: () => string) {}

  /** The key for what is asked in the call `id`. */
  of(asked: string, id: string): string {
    const key = this.keys.get(asked) ?? this.make();
    makeRoom(this.keys);
    makeRoom(this.asked);
    this.keys.set(asked, key);
    this.asked.set(id, asked);
    return key;
  }

  /** The same asked once more is another request from now on. */
  answered(id: string): void {
    const asked = this.asked.get(id);
    this.asked.delete(id);
    if (asked !== undefined) this.keys.delete(asked);
  }
}

function makeRoom(open: Map<string, string>): void {
  const oldest = open.size >= MOST ? open.keys().next().value : undefined;
  if (oldest !== undefined) open.delete(oldest);
}
