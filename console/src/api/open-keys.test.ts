import { expect, test } from "vitest";
import { OpenKeys } from "@/api/open-keys";

function counting(): OpenKeys {
  let made = 0;
  return new OpenKeys(() => `key ${(made += 1)}`);
}

test("what is asked again after its answer was lost keeps its key", () => {
  const keys = counting();
  expect(keys.of("POST /turns hello", "first call")).toBe("key 1");
  expect(keys.of("POST /turns hello", "second call")).toBe("key 1");
  expect(keys.of("POST /turns goodbye", "third call")).toBe("key 2");
});

test("what was answered is asked anew under another key", () => {
  const keys = counting();
  keys.of("POST /turns hello", "first call");
  keys.answered("first call");
  expect(keys.of("POST /turns hello", "second call")).toBe("key 2");
});
