/** Places the numbers of citations in an answer's text. */
import type { Citation } from "@/api/types";

export type AnswerPart = { text: string } | { citation: number };

/**
 * Uses the `[n]` marks of the text where it has them. A citation without a mark stands after its quote,
 * or at the end if the text doesn't contain the quote.
 */
export function answerParts(answer: string, citations: readonly Citation[]): AnswerPart[] {
  const marks: { at: number; length: number; citation: number }[] = [];
  for (const match of answer.matchAll(/\s?\[(\d{1,3})\]/g)) {
    const number = Number(match[1]);
    if (number >= 1 && number <= citations.length) marks.push({ at: match.index, length: match[0].length, citation: number });
  }
  const marked = new Set(marks.map((mark) => mark.citation));
  citations.forEach((citation, index) => {
    if (marked.has(index + 1)) return;
    const quote = citation.quote.trim();
    const found = quote ? answer.indexOf(quote) : -1;
    marks.push({ at: found < 0 ? answer.length : found + quote.length, length: 0, citation: index + 1 });
  });
  marks.sort((one, two) => one.at - two.at || one.citation - two.citation);

  const parts: AnswerPart[] = [];
  let from = 0;
  for (const mark of marks) {
    if (mark.at > from) parts.push({ text: answer.slice(from, mark.at) });
    parts.push({ citation: mark.citation });
    from = Math.max(from, mark.at + mark.length);
  }
  if (from < answer.length) parts.push({ text: answer.slice(from) });
  return parts;
}
