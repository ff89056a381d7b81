import { expect, test } from "vitest";
import { readPasted } from "@/features/evaluations/pasted";

test("cells of a spreadsheet become the two files", () => {
  expect(readPasted('How much leave is there?\tleave.md\r\nWho says "yes"?\tpeople.md\r\n\r\nHow much leave is there?\tcarry over.md')).toEqual({
    queries: '{"_id":"1","text":"How much leave is there?"}\n{"_id":"2","text":"Who says \\"yes\\"?"}',
    qrels: "1\tleave.md\t1\n1\tcarry over.md\t1\n2\tpeople.md\t1",
  });
});

test.each(["a question alone", "\tleave.md", "question\tleave.md\tanother cell"])("%j is refused with its line", (row) => {
  expect(readPasted(`Fine?\tleave.md\n${row}`)).toMatchObject({ line: 2 });
});
