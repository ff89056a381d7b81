/** Says how far a search reached and how likely it found what answers. */
import { formatNumber, formatShare, plural } from "@/lib/format";

/** Documents within the asker's reach, and those out of it: these are told only to who manages access, both to no other reader. */
export const reachWords = (allowed: number, denied: number): string =>
  `${plural(allowed, "document")} searched${denied > 0 ? `, ${formatNumber(denied)} withheld by access rules` : ""}`;

/** Nothing for searches of before this was told. */
export const likelyWords = (confidence: number | null): string =>
  confidence === null ? "" : `the best one answers with a likelihood of ${formatShare(confidence)}`;
