import { expect, test } from "vitest";
import { safeNext } from "@/features/session/next";

test.each([
  ["/audit?outcome=denied", "/audit?outcome=denied"],
  [undefined, "/tasks"],
  ["https://evil.example/", "/tasks"],
  ["//evil.example/", "/tasks"],
  ["/\\evil.example", "/tasks"],
  ["javascript:alert(1)", "/tasks"],
  ["/sign-in?next=/tasks", "/tasks"],
])("next=%s leads to %s", (next, path) => expect(safeNext(next)).toBe(path));
