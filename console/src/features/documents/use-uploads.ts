import { useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useRef, useState } from "react";
import { problemOf, type Problem } from "@/api/problem";
import { uploadDocument } from "@/features/documents/upload";

export type UploadItem = {
  id: number;
  file: File;
  collectionId: string;
  sent: number;
  state: "waiting" | "sending" | "received" | "refused";
  problem: Problem | null;
};

const AT_ONCE = 2;
let lastId = 0;

/** A queue of uploads, two at a time. Received files leave it; refused ones stay until dismissed. */
export function useUploads() {
  const [items, setItems] = useState<UploadItem[]>([]);
  const stops = useRef(new Map<number, AbortController>());
  const cache = useQueryClient();

  const change = useCallback((id: number, part: Partial<UploadItem>) => {
    setItems((now) => now.map((item) => (item.id === id ? { ...item, ...part } : item)));
  }, []);

  const dismiss = useCallback((id: number) => {
    stops.current.get(id)?.abort();
    stops.current.delete(id);
    setItems((now) => now.filter((item) => item.id !== id));
  }, []);

  const send = useCallback(
    async ({ id, file, collectionId }: UploadItem) => {
      const stop = new AbortController();
      stops.current.set(id, stop);
      try {
        await uploadDocument({ file, collectionId, signal: stop.signal, onProgress: (sent) => change(id, { sent }) });
        change(id, { state: "received" });
        void cache.invalidateQueries({ queryKey: ["documents"] });
        void cache.invalidateQueries({ queryKey: ["collections"] });
        setTimeout(() => dismiss(id), 1200);
      } catch (error) {
        if (!stop.signal.aborted) change(id, { state: "refused", problem: problemOf(error) });
      }
    },
    [cache, change, dismiss],
  );

  useEffect(() => {
    const free = AT_ONCE - items.filter((item) => item.state === "sending").length;
    for (const item of items.filter(({ state }) => state === "waiting").slice(0, Math.max(0, free))) {
      if (stops.current.has(item.id)) continue;
      change(item.id, { state: "sending" });
      void send(item);
    }
  }, [items, change, send]);

  useEffect(() => {
    const running = stops.current;
    return () => running.forEach((stop) => stop.abort());
  }, []);

  const add = useCallback((files: Iterable<File>, collectionId: string) => {
    const added = Array.from(files, (file): UploadItem => {
      lastId += 1;
      return { id: lastId, file, collectionId, sent: 0, state: "waiting", problem: null };
    });
    setItems((now) => [...now, ...added]);
  }, []);

  const retry = useCallback(
    (id: number) => {
      stops.current.delete(id);
      change(id, { state: "waiting", sent: 0, problem: null });
    },
    [change],
  );

  return { items, add, dismiss, retry };
}
