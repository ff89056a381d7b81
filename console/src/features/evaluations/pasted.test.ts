import { expect, test } from "vitest";
import { readPasted } from "@/features/evaluations/pasted";

test("cells of a spreadsheet become the two files", () => {
  expect(readPasted('How much leave is there?\tleave.md\r\nWho says "yes"?\tpeople.md\r\n\r\nHow much leave is there?\tcarry over.md')).toEqual({
    queries: '{"_id":"1","text":"How much leave is there?"}\n{"_id":"2","text":"Who says \\"yes\\"?"}',
    qrels: "1\tleave.md\t1\n1\tcarry over.md\t1\n2\tpeople.md\t1",
  });
});

test.each(["a question alone", "\tleave.md", "question\tleave.md\tan answer\tanother cell"])("%j is refused with its line", (row) => {
  expect(readPasted(`Fine?\tleave.md\n${row}`)).toMatchObject({ line: 2 });
});

test("a third column holds answers, and a question without a document must not be answered", () => {
  expect(readPasted("How much leave is there?\tleave.md\t28 days\nHow much leave is there?\tleave.md\ttwenty-eight days\nWhat is in the safe?\t")).toEqual({
    queries: '{"_id":"1","text":"How much leave is there?","answers":["28 days","twenty-eight days"]}\n{"_id":"2","text":"What is in the safe?","answers":[]}',
    qrels: "1\tleave.md\t1",
  });
});
