import type { ReactNode } from "react";
import type { Citation } from "@/api/types";
import { answerParts } from "@/features/citations/answer-parts";

type AnswerTextProps = {
  text: string;
  citations: Citation[];
  forming: boolean;
  mark: (number: number, citation: Citation) => ReactNode;
};

/** The machine's words, in serif, with the numbers of their sources; while they are being written, with a caret. */
export function AnswerText({ text, citations, forming, mark }: AnswerTextProps) {
  return (
    <div className="reading whitespace-pre-line">
      {answerParts(text, citations).map((part, index) => {
        if ("text" in part) return <span key={index}>{part.text}</span>;
        const citation = citations[part.citation - 1];
        return citation && <span key={index}>{mark(part.citation, citation)}</span>;
      })}
      {forming && <span aria-hidden className="ml-0.5 inline-block h-[1em] w-[2px] animate-breathe bg-seal align-[-2px]" />}
    </div>
  );
}
