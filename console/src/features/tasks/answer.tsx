import { Link } from "@tanstack/react-router";
import { FileText, SearchX } from "lucide-react";
import type { ArtifactRef, Citation } from "@/api/types";
import { Section } from "@/components/facts";
import { answerParts } from "@/features/tasks/answer-parts";
import { CitationMark } from "@/features/tasks/citation-mark";
import { VerifiedQuote } from "@/features/tasks/verified-quote";

type AnswerProps = { text: string; citations: Citation[]; abstained: boolean; forming: boolean };

/** The machine's words, in serif, with the numbers of their sources. */
export function Answer({ text, citations, abstained, forming }: AnswerProps) {
  const parts = answerParts(text, citations);
  return (
    <section aria-label="Answer" aria-live="polite" aria-busy={forming} data-testid="answer" className="flex flex-col gap-4">
      {abstained && (
        <p className="flex items-center gap-2 font-medium">
          <SearchX aria-hidden className="size-4 text-wait" /> Not in the sources
        </p>
      )}
      <div className="reading whitespace-pre-line">
        {parts.map((part, index) => {
          if ("text" in part) return <span key={index}>{part.text}</span>;
          const citation = citations[part.citation - 1];
          return citation && <CitationMark key={index} number={part.citation} citation={citation} />;
        })}
        {forming && <span aria-hidden className="ml-0.5 inline-block h-[1em] w-[2px] animate-breathe bg-seal align-[-2px]" />}
      </div>
    </section>
  );
}

export function Sources({ citations }: { citations: Citation[] }) {
  if (citations.length === 0) return null;
  return (
    <Section title="Sources">
      <ol className="flex flex-col" data-testid="sources">
        {citations.map((citation, index) => (
          <li key={index} className="flex gap-3 border-t py-3">
            <span className="w-5 shrink-0 pt-0.5 text-right text-[13px] font-semibold text-seal">{index + 1}</span>
            <div className="flex min-w-0 flex-1 flex-col gap-1.5">
              <Link
                from="/tasks/$taskId"
                to="."
                search={(now) => ({ ...now, source: index + 1 })}
                resetScroll={false}
                className="font-medium break-words underline-offset-4 hover:underline"
              >
                {citation.document || "Withheld"}
              </Link>
              {citation.quote ? (
                <>
                  <blockquote className="reading line-clamp-4 text-[15px] leading-6 text-muted">“{citation.quote.trim()}”</blockquote>
                  <VerifiedQuote verified={citation.verified} />
                </>
              ) : (
                <p className="text-[13px] text-muted">This document may not be read now.</p>
              )}
            </div>
          </li>
        ))}
      </ol>
    </Section>
  );
}

export function Artifacts({ artifacts }: { artifacts: ArtifactRef[] }) {
  if (artifacts.length === 0) return null;
  return (
    <Section title="Written">
      <ul className="flex flex-col gap-2">
        {artifacts.map(({ id, title }) => (
          <li key={id}>
            <Link
              from="/tasks/$taskId"
              to="."
              search={(now) => ({ ...now, artifact: id })}
              resetScroll={false}
              data-testid="artifact"
              className="flex items-center gap-3 rounded-md border bg-sheet px-4 py-3 hover:bg-well"
            >
              <FileText aria-hidden className="size-4 shrink-0 text-muted" />
              <span className="min-w-0 flex-1 font-medium break-words">{title || "Withheld"}</span>
              <span className="text-[13px] text-muted">Read</span>
            </Link>
          </li>
        ))}
      </ul>
    </Section>
  );
}
