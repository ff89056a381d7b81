/** Questions from a spreadsheet, as the two files that the platform takes. */

export type Pasted = { queries: string; qrels: string };

type Asked = { documents: Set<string>; answers: Set<string>; unanswerable: boolean };

/**
 * A question, the name of a document that answers it and, if there is a third column, its answer, parted by tabs, on
 * each line; a question may come again. One with an empty second column must not be answered.
 */
export function readPasted(text: string): Pasted | { line: number; problem: string } {
  const asked = new Map<string, Asked>();
  for (const [index, row] of text.split(/\r?\n/).entries()) {
    if (row.trim() === "") continue;
    const [question = "", document = "", answer = "", ...rest] = row.split("\t").map((cell) => cell.trim());
    const isUnanswerable = question !== "" && row.includes("\t") && !document && !answer;
    if (!question || (!document && !isUnanswerable) || rest.some(Boolean)) {
      return { line: index + 1, problem: "needs a question, a tab and the name of a document" };
    }
    const known = asked.get(question) ?? { documents: new Set(), answers: new Set(), unanswerable: isUnanswerable };
    if (document) known.documents.add(document);
    if (answer) known.answers.add(answer);
    asked.set(question, known);
  }
  const questions = [...asked];
  return {
    queries: questions.map(([question, known], place) => JSON.stringify({ _id: String(place + 1), text: question, ...answersOf(known) })).join("\n"),
    qrels: questions.flatMap(([, { documents }], place) => [...documents].map((document) => `${place + 1}\t${document}\t1`)).join("\n"),
  };
}

function answersOf({ answers, documents, unanswerable }: Asked): { answers?: string[] } {
  if (answers.size > 0) return { answers: [...answers] };
  return unanswerable && documents.size === 0 ? { answers: [] } : {};
}
