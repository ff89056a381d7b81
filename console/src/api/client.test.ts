import { afterEach, expect, test, vi } from "vitest";
import { api, take } from "@/api/client";

afterEach(() => vi.unstubAllGlobals());

test("a form that is sent again after its answer was lost goes under the key that it had", async () => {
  const keys: (string | null)[] = [];
  vi.stubGlobal("fetch", (request: Request) => {
    keys.push(request.headers.get("Idempotency-Key"));
    return Promise.reject(new TypeError("the line broke"));
  });
  const send = (name: string) => {
    const form = new FormData();
    form.append("name", name);
    form.append("queries", new Blob(["{}"]), "queries.jsonl");
    return take(api.POST("/api/v1/question-sets", { body: form as never, baseUrl: "http://localhost/", fetch: (request) => fetch(request) })).catch(() => undefined);
  };
  await send("Leave");
  await send("Leave");
  await send("Travel");
  expect(keys[0]).toBeTruthy();
  expect(keys[1]).toBe(keys[0]);
  expect(keys[2]).not.toBe(keys[0]);
});
