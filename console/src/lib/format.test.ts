import { expect, test } from "vitest";
import { splitAt } from "@/lib/code-points";
import { formatBytes, formatDay, formatDuration, formatRelative, formatShare, plural } from "@/lib/format";

test("a quote is cut by code points, so an emoji before it does not shift it", () => {
  const text = "📎📎 see clause 4 below";
  const start = Array.from("📎📎 see ").length;
  expect(splitAt(text, start, start + "clause 4".length)).toEqual({
    before: "📎📎 see ",
    inside: "clause 4",
    after: " below",
  });
});

test("offsets past the end are held to the end", () => {
  expect(splitAt("short", 2, 99)).toEqual({ before: "sh", inside: "ort", after: "" });
});

test.each([
  [0.0004, "1 ms"],
  [0.312, "312 ms"],
  [4.25, "4.3 s"],
  [59.7, "1 min 0 s"],
  [7325, "2 h 2 min"],
])("%d s is written %s", (seconds, words) => expect(formatDuration(seconds)).toBe(words));

test.each([
  [512, "512 B"],
  [1536, "1.5 KiB"],
  [52_428_800, "50 MiB"],
])("%d bytes are written %s", (bytes, words) => expect(formatBytes(bytes)).toBe(words));

test.each([
  [0, "0 %"],
  [0.0004, "1 %"],
  [0.914, "91 %"],
  [0.9996, "99 %"],
  [1, "100 %"],
])("a share of %d is written %s", (share, words) => expect(formatShare(share)).toBe(words));

test("times are told from now", () => {
  const now = Date.parse("2025-03-01T12:00:00Z");
  expect(formatRelative("2025-03-01T11:59:55Z", now)).toBe("just now");
  expect(formatRelative("2025-03-01T09:10:00Z", now)).toBe("2 hours ago");
  expect(formatRelative("2025-02-28T12:00:00Z", now)).toBe("yesterday");
});

test("one record, two records", () => {
  expect(plural(1, "record")).toBe("1 record");
  expect(plural(1200, "record")).toBe("1,200 records");
});

test("a document's day is the day it says, wherever it is read", () => expect(formatDay("2025-03-01")).toBe("1 Mar 2025"));
