/** A queue of uploads, two at a time. Received files leave it; refused ones stay until dismissed. Knows no page. */
import { randomKey } from "@/api/client";
import { problemOf, type Problem } from "@/api/problem";
import type { Document } from "@/api/types";
import type { Upload } from "@/features/documents/upload";

export type UploadItem = {
  id: number;
  file: File;
  key: string;
  collectionId: string;
  sent: number;
  state: "waiting" | "sending" | "received" | "refused";
  problem: Problem | null;
};

export type Send = (upload: Upload) => Promise<Document>;

const AT_ONCE = 2;
const SHOWN_AFTER_MS = 1200;

export class UploadQueue {
  private items: readonly UploadItem[] = [];
  private readonly stops = new Map<number, AbortController>();
  private readonly listeners = new Set<() => void>();
  private lastId = 0;

  constructor(
    private readonly send: Send,
    private readonly onReceived: () => void,
  ) {}

  readonly snapshot = (): readonly UploadItem[] => this.items;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  get isBusy(): boolean {
    return this.items.some(({ state }) => state === "waiting" || state === "sending");
  }

  add(files: Iterable<File>, collectionId: string): void {
    const added = Array.from(files, (file): UploadItem => {
      this.lastId += 1;
      return { id: this.lastId, file, key: randomKey(), collectionId, sent: 0, state: "waiting", problem: null };
    });
    this.put([...this.items, ...added]);
    this.fill();
  }

  /** Takes a file off the list; one that is being sent is stopped. */
  dismiss(id: number): void {
    this.stops.get(id)?.abort();
    this.stops.delete(id);
    this.put(this.items.filter((item) => item.id !== id));
    this.fill();
  }

  retry(id: number): void {
    this.change(id, { state: "waiting", sent: 0, problem: null });
    this.fill();
  }

  /** Ends all of it. */
  stop(): void {
    for (const stop of this.stops.values()) stop.abort();
    this.stops.clear();
    this.put([]);
  }

  private fill(): void {
    const free = AT_ONCE - this.items.filter(({ state }) => state === "sending").length;
    for (const item of this.items.filter(({ state }) => state === "waiting").slice(0, Math.max(0, free))) void this.upload(item);
  }

  private async upload({ id, file, key, collectionId }: UploadItem): Promise<void> {
    const stop = new AbortController();
    this.stops.set(id, stop);
    this.change(id, { state: "sending" });
    try {
      await this.send({ file, key, collectionId, signal: stop.signal, onProgress: (sent) => this.change(id, { sent }) });
      this.change(id, { state: "received" });
      this.onReceived();
      setTimeout(() => this.dismiss(id), SHOWN_AFTER_MS);
    } catch (error) {
      if (!stop.signal.aborted) this.change(id, { state: "refused", problem: problemOf(error) });
    }
    this.stops.delete(id);
    this.fill();
  }

  private change(id: number, part: Partial<UploadItem>): void {
    this.put(this.items.map((item) => (item.id === id ? { ...item, ...part } : item)));
  }

  private put(items: readonly UploadItem[]): void {
    this.items = items;
    for (const listener of this.listeners) listener();
  }
}
