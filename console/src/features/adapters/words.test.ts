import { describe, expect, it } from "vitest";
import { readQuestions } from "@/features/adapters/words";

describe("questions for an adapter", () => {
  it("are two columns, blank lines aside", () => {
    expect(readQuestions("How long?\ta week\n\n Who? \t Eva \r\n")).toEqual([
      { question: "How long?", answer: "a week" },
      { question: "Who?", answer: "Eva" },
    ]);
  });

  it("name the line that can't be read", () => {
    expect(readQuestions("How long?\ta week\nWho?")).toEqual({ line: 2 });
    expect(readQuestions("a\tb\tc")).toEqual({ line: 1 });
  });
});
