import { expect, test } from "vitest";
import type { Passage } from "@/api/types";
import { whyCited, type Search } from "@/features/citations/why-cited";

const passage = (document: string, start: number, end: number): Passage =>
  ({ document_id: document, document, chunk_id: `${document}-${start}`, start, end, text: "", score: 0.5 }) as Passage;

const search = (query: string, ...passages: Passage[]): Search => ({ query, passages, allowed: 3, denied: 1, confidence: null });

const CITED = { document_id: "lease", start: 120, end: 160 };

test("a citation leads to the search that ranked its passage highest", () => {
  const far = search("notice", passage("rules", 0, 90), passage("lease", 100, 200));
  const near = search("notice period", passage("lease", 150, 250));
  expect(whyCited(CITED, [far, near], []).found).toMatchObject({ rank: 1, search: { query: "notice period" } });
});

test("the same offsets in another document are another place", () => {
  expect(whyCited(CITED, [search("notice", passage("rules", 120, 160))], [])).toEqual({ found: null, chosen: null });
});

test("a passage that only touches the quote's edge does not hold it", () => {
  expect(whyCited(CITED, [search("notice", passage("lease", 0, 120))], []).found).toBeNull();
});

test("the line that the model chose is told with how many it chose from", () => {
  const lines = [[passage("lease", 300, 340)], [passage("rules", 0, 9), passage("lease", 120, 160), passage("lease", 400, 420)]];
  expect(whyCited(CITED, [], lines).chosen).toMatchObject({ rank: 2, of: 3, line: { start: 120 } });
});
