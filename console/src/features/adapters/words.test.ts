import { describe, expect, it } from "vitest";
import { readQuestions, reasonText } from "@/features/adapters/words";

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

describe("reasons of a refusal", () => {
  it("are sentences, and a new one is told as it is", () => {
    expect(reasonText("overfitted")).toContain("by heart");
    expect(reasonText("else")).toBe("else");
  });
});
