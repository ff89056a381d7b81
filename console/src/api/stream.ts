/** Server-sent events over fetch: parsing, and reading on from the last event after a broken connection. */

export type StreamEvent = { id: string; event: string; data: string };

/** Incremental parser of text/event-stream (WHATWG HTML §9.2.6). Feed it text in any pieces. */
export class EventStreamParser {
  private buffer = "";
  private data: string[] = [];
  private event = "";
  private pendingId = "";
  private sawCarriageReturn = false;
  /** Survives reconnection: the value to send as Last-Event-ID. */
  lastEventId = "";

  push(piece: string): StreamEvent[] {
    const events: StreamEvent[] = [];
    for (const char of piece) {
      const isSecondOfPair = char === "\n" && this.sawCarriageReturn;
      this.sawCarriageReturn = char === "\r";
      if (isSecondOfPair) continue;
      if (char !== "\n" && char !== "\r") {
        this.buffer += char;
        continue;
      }
      const finished = this.line(this.buffer);
      this.buffer = "";
      if (finished) events.push(finished);
    }
    return events;
  }

  /** A broken connection leaves half an event behind; it comes again after the resume. */
  reset(): void {
    this.buffer = "";
    this.data = [];
    this.event = "";
    this.pendingId = this.lastEventId;
    this.sawCarriageReturn = false;
  }

  private line(line: string): StreamEvent | null {
    if (line === "") return this.dispatch();
    if (line.startsWith(":")) return null;
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "data") this.data.push(value);
    else if (field === "event") this.event = value;
    else if (field === "id" && !value.includes("\0")) this.pendingId = value;
    return null;
  }

  private dispatch(): StreamEvent | null {
    const { data, event } = this;
    this.data = [];
    this.event = "";
    this.lastEventId = this.pendingId;
    if (data.length === 0) return null;
    return { id: this.lastEventId, event: event || "message", data: data.join("\n") };
  }
}

export type StreamState = "connecting" | "open" | "waiting" | "ended" | "refused";

export type Subscription = {
  url: string;
  signal: AbortSignal;
  onEvent: (event: StreamEvent) => void;
  onState: (state: StreamState) => void;
  isLast: (event: StreamEvent) => boolean;
};

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 8000;
/** The service says something every 15 s. A line that is silent for longer is dead, even if nobody closed it. */
const SILENCE_MS = 40_000;

/** Follows a stream to its terminal event, resuming by Last-Event-ID with growing pauses. */
export async function follow(subscription: Subscription): Promise<void> {
  const parser = new EventStreamParser();
  let pause = FIRST_PAUSE_MS;
  while (!subscription.signal.aborted) {
    subscription.onState("connecting");
    const before = parser.lastEventId;
    const outcome = await readOnce(subscription, parser);
    if (outcome !== "broken") {
      subscription.onState(outcome);
      return;
    }
    if (subscription.signal.aborted) return;
    if (parser.lastEventId !== before) pause = FIRST_PAUSE_MS;
    subscription.onState("waiting");
    await paused(pause);
    pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
  }
}

/** Ends early when the device finds its network again. */
function paused(milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      globalThis.removeEventListener?.("online", end);
      resolve();
    };
    const timer = setTimeout(end, milliseconds);
    globalThis.addEventListener?.("online", end);
  });
}

async function readOnce(
  { url, signal, onEvent, onState, isLast }: Subscription,
  parser: EventStreamParser,
): Promise<"ended" | "refused" | "broken"> {
  parser.reset();
  const headers: Record<string, string> = { Accept: "text/event-stream" };
  if (parser.lastEventId) headers["Last-Event-ID"] = parser.lastEventId;
  const silence = new Silence(SILENCE_MS);
  try {
    const response = await fetch(url, {
      headers,
      signal: AbortSignal.any([signal, silence.signal]),
      credentials: "same-origin",
      cache: "no-store",
    });
    if (!response.ok) return response.status < 500 && response.status !== 429 ? "refused" : "broken";
    if (!response.body) return "broken";
    onState("open");
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      silence.heard();
      const { value, done } = await reader.read();
      if (done) return "broken";
      for (const event of parser.push(value)) {
        onEvent(event);
        if (isLast(event)) {
          await reader.cancel();
          return "ended";
        }
      }
    }
  } catch (error) {
    if (error instanceof TypeError || error instanceof DOMException) return "broken";
    throw error;
  } finally {
    silence.end();
  }
}

/** Aborts what listens to its signal once nothing was heard for a while. */
class Silence {
  private readonly stop = new AbortController();
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly longestMs: number) {
    this.heard();
  }

  get signal(): AbortSignal {
    return this.stop.signal;
  }

  /** Something was heard: the wait begins anew. */
  heard(): void {
    this.end();
    this.timer = setTimeout(() => this.stop.abort(), this.longestMs);
  }

  end(): void {
    clearTimeout(this.timer);
  }
}
