/** Questions from a spreadsheet, as the two files that the platform takes. */

export type Pasted = { queries: string; qrels: string };

/** A question and the name of a document that answers it, parted by a tab, on each line; a question may come again. */
export function readPasted(text: string): Pasted | { line: number; problem: string } {
  const required = new Map<string, Set<string>>();
  for (const [index, row] of text.split(/\r?\n/).entries()) {
    if (row.trim() === "") continue;
    const [question = "", document = "", ...rest] = row.split("\t").map((cell) => cell.trim());
    if (!question || !document || rest.some(Boolean)) {
      return { line: index + 1, problem: "needs a question, a tab and the name of a document" };
    }
    required.set(question, (required.get(question) ?? new Set()).add(document));
  }
  const questions = [...required];
  return {
    queries: questions.map(([question], place) => JSON.stringify({ _id: String(place + 1), text: question })).join("\n"),
    qrels: questions.flatMap(([, documents], place) => [...documents].map((document) => `${place + 1}\t${document}\t1`)).join("\n"),
  };
}
