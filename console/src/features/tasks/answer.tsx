import { Link } from "@tanstack/react-router";
import { FileText } from "lucide-react";
import type { ArtifactRef, Citation } from "@/api/types";
import { Section } from "@/components/facts";
import { AnswerText } from "@/features/citations/answer-text";
import { CitationMark } from "@/features/citations/citation-mark";
import { NotInSources } from "@/features/citations/not-in-sources";
import { VerifiedQuote } from "@/features/citations/verified-quote";

type AnswerProps = { text: string; citations: Citation[]; abstained: boolean; forming: boolean };

export function Answer({ text, citations, abstained, forming }: AnswerProps) {
  return (
    <section aria-label="Answer" aria-live="polite" aria-busy={forming} data-testid="answer" className="flex flex-col gap-4">
      {abstained && <NotInSources />}
      <AnswerText
        text={text}
        citations={citations}
        forming={forming}
        mark={(number, citation) => (
          <CitationMark number={number} citation={citation}>
            <Link from="/tasks/$taskId" to="." search={(now) => ({ ...now, source: number })} resetScroll={false}>
              {number}
            </Link>
          </CitationMark>
        )}
      />
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
