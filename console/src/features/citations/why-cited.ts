/** Traces a citation back through the searches and readings that led to it. */
import type { Citation, Passage } from "@/api/types";

/** What a search found, and how many documents were in and out of the asker's reach; how likely the best passage answers. */
export type Search = { query: string; passages: Passage[]; allowed: number; denied: number; confidence: number | null };

export type Why = {
  /** The search that brought the passage, and the passage's rank in it from 1. */
  found: { search: Search; rank: number; passage: Passage } | null;
  /** The line that the model chose, its rank from 1, and out of how many. */
  chosen: { line: Passage; rank: number; of: number } | null;
};

type Place = Pick<Citation, "document_id" | "start" | "end">;

const overlaps = (one: Place, other: Place): boolean =>
  one.document_id === other.document_id && one.start < other.end && other.start < one.end;

/** Ranks are those of the search that put the passage highest. */
export function whyCited(citation: Place, searches: readonly Search[], lines: readonly (readonly Passage[])[]): Why {
  let found: Why["found"] = null;
  for (const search of searches) {
    const at = search.passages.findIndex((passage) => overlaps(passage, citation));
    const passage = search.passages[at];
    if (passage && (!found || at + 1 < found.rank)) found = { search, rank: at + 1, passage };
  }
  for (const group of lines) {
    const at = group.findIndex((line) => overlaps(line, citation));
    const line = group[at];
    if (line) return { found, chosen: { line, rank: at + 1, of: group.length } };
  }
  return { found, chosen: null };
}
