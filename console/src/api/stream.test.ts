import { afterEach, describe, expect, test, vi } from "vitest";
import { EventStreamParser, follow, type StreamEvent, type StreamState } from "@/api/stream";

describe("EventStreamParser", () => {
  test("puts events together however the bytes were cut", () => {
    const wire = 'id: 7\nevent: step.started\ndata: {"a":\ndata: 1}\n\n: heartbeat\n\nid: 8\ndata: two\n\n';
    for (const size of [1, 2, 3, 7, wire.length]) {
      const parser = new EventStreamParser();
      const events: StreamEvent[] = [];
      for (let at = 0; at < wire.length; at += size) events.push(...parser.push(wire.slice(at, at + size)));
      expect(events).toEqual([
        { id: "7", event: "step.started", data: '{"a":\n1}' },
        { id: "8", event: "message", data: "two" },
      ]);
    }
  });

  test("takes CR LF and lone CR as line ends", () => {
    const parser = new EventStreamParser();
    expect(parser.push("data: a\r\n\r\ndata: b\r\rdata: c\n\n").map((event) => event.data)).toEqual(["a", "b", "c"]);
  });

  test("a heartbeat is no event, and an event without data is none", () => {
    const parser = new EventStreamParser();
    expect(parser.push(": still here\n\nevent: odd\n\n")).toEqual([]);
  });
});

describe("follow", () => {
  afterEach(() => {
    vi.unstubAllGlobals();
    vi.useRealTimers();
  });

  test("resumes after a broken connection with Last-Event-ID and drops the half event", async () => {
    vi.useFakeTimers();
    const bodies = ["id: 1\ndata: one\n\nid: 2\ndata: tw", "id: 2\ndata: two\n\nid: 3\nevent: task.completed\ndata: end\n\n"];
    const resumedFrom: (string | null)[] = [];
    vi.stubGlobal("fetch", (_url: string, init: { headers: Record<string, string> }) => {
      resumedFrom.push(init.headers["Last-Event-ID"] ?? null);
      return Promise.resolve(new Response(bodies.shift()));
    });
    const seen: string[] = [];
    const states: StreamState[] = [];
    const done = follow({
      url: "/events",
      signal: new AbortController().signal,
      onEvent: (event) => seen.push(event.data),
      onState: (state) => states.push(state),
      isLast: (event) => event.event === "task.completed",
    });
    await vi.runAllTimersAsync();
    await done;
    expect(seen).toEqual(["one", "two", "end"]);
    expect(resumedFrom).toEqual([null, "1"]);
    expect(states.at(-1)).toBe("ended");
    expect(states).toContain("waiting");
  });

  test("a line that nobody closed but that says nothing any more is taken up again", async () => {
    vi.useFakeTimers();
    const silent = (signal: AbortSignal) =>
      new ReadableStream({
        start(line) {
          line.enqueue(new TextEncoder().encode("id: 1\ndata: one\n\n"));
          signal.addEventListener("abort", () => line.error(new DOMException("Stopped", "AbortError")));
        },
      });
    const resumedFrom: (string | null)[] = [];
    vi.stubGlobal("fetch", (_url: string, init: { headers: Record<string, string>; signal: AbortSignal }) => {
      resumedFrom.push(init.headers["Last-Event-ID"] ?? null);
      return Promise.resolve(new Response(resumedFrom.length === 1 ? silent(init.signal) : "id: 2\nevent: end\ndata: two\n\n"));
    });
    const seen: string[] = [];
    const done = follow({
      url: "/events",
      signal: new AbortController().signal,
      onEvent: (event) => seen.push(event.data),
      onState: () => undefined,
      isLast: (event) => event.event === "end",
    });
    await vi.advanceTimersByTimeAsync(45_000);
    await done;
    expect(seen).toEqual(["one", "two"]);
    expect(resumedFrom).toEqual([null, "1"]);
  });

  test("does not knock again when it is refused", async () => {
    const fetched = vi.fn(() => Promise.resolve(new Response(null, { status: 404 })));
    vi.stubGlobal("fetch", fetched);
    const states: StreamState[] = [];
    await follow({
      url: "/events",
      signal: new AbortController().signal,
      onEvent: () => undefined,
      onState: (state) => states.push(state),
      isLast: () => false,
    });
    expect(fetched).toHaveBeenCalledTimes(1);
    expect(states.at(-1)).toBe("refused");
  });
});
