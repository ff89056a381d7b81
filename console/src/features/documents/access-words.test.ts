import { expect, test } from "vitest";
import type { AccessPath } from "@/api/types";
import { pathWords, verdictWords } from "@/features/documents/access-words";

const path = (changes: Partial<AccessPath>): AccessPath => ({
  grant_id: "g",
  on: "collection",
  resource_id: "r",
  effect: "allow",
  principal: "everyone",
  group: null,
  created_at: "2025-03-01T12:00:00Z",
  ...changes,
});
const ANNA = { name: "Anna", email: "anna@example.com" };

test.each([
  [path({}), "Allowed to everyone, on the collection"],
  [path({ principal: "group:1", group: "Legal", on: "document" }), "Allowed to the group Legal, on the document"],
  [path({ principal: "user:1", effect: "deny" }), "Denied to Anna, on the collection"],
  [path({ principal: "group:1" }), "Allowed to the group that was deleted, on the collection"],
])("a path is told by effect, holder and place", (given, words) => expect(pathWords(given, ANNA)).toBe(words));

test("whoever has no name goes by their address", () =>
  expect(pathWords(path({ principal: "user:1" }), { name: "", email: ANNA.email })).toBe("Allowed to anna@example.com, on the collection"));

test("every verdict says whether the document may be read", () => {
  expect(verdictWords({ verdict: "allowed" })).toBe("May read it");
  for (const verdict of ["denied", "no_grant", "no_permission", "disabled"] as const) {
    expect(verdictWords({ verdict })).toMatch(/^May not read it: /);
  }
});
