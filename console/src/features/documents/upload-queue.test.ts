import { expect, test, vi } from "vitest";
import { ApiError } from "@/api/problem";
import type { Document } from "@/api/types";
import { UploadQueue, type Send } from "@/features/documents/upload-queue";

const files = (...names: string[]): File[] => names.map((name) => new File(["words"], name));

/** Sends nothing until told how it ended. */
function held() {
  const sent: { name: string; end: (document?: Document) => void; fail: (error: Error) => void; signal: AbortSignal }[] = [];
  const send: Send = ({ file, signal }) =>
    new Promise((end, fail) => sent.push({ name: file.name, end: (document = {} as Document) => end(document), fail, signal }));
  return { sent, send };
}

const settled = () => new Promise((resolve) => setTimeout(resolve));

test("two files are sent at a time, the next when one has arrived", async () => {
  const { sent, send } = held();
  const received = vi.fn();
  const queue = new UploadQueue(send, received);
  queue.add(files("a", "b", "c"), "collection");
  expect(sent.map(({ name }) => name)).toEqual(["a", "b"]);
  expect(queue.isBusy).toBe(true);
  sent[0]?.end();
  await settled();
  expect(received).toHaveBeenCalledOnce();
  expect(sent.map(({ name }) => name)).toEqual(["a", "b", "c"]);
});

test("a refused file stays with its reason until it is sent again", async () => {
  const { sent, send } = held();
  const queue = new UploadQueue(send, () => undefined);
  queue.add(files("big"), "collection");
  sent[0]?.fail(new ApiError({ title: "The file is too large", status: 413, code: "FILE_TOO_LARGE" }));
  await settled();
  expect(queue.snapshot()).toMatchObject([{ state: "refused", problem: { status: 413 } }]);
  expect(queue.isBusy).toBe(false);
  queue.retry(1);
  expect(queue.snapshot()).toMatchObject([{ state: "sending", problem: null }]);
  expect(sent).toHaveLength(2);
});

test("what is dismissed is stopped and makes room", async () => {
  const { sent, send } = held();
  const queue = new UploadQueue(send, () => undefined);
  queue.add(files("a", "b", "c", "d"), "collection");
  queue.dismiss(1);
  expect(sent[0]?.signal.aborted).toBe(true);
  expect(sent.map(({ name }) => name)).toEqual(["a", "b", "c"]);
  queue.stop();
  expect(queue.snapshot()).toEqual([]);
  expect(sent).toHaveLength(3);
});
