import { Link } from "@tanstack/react-router";
import { CornerLeftUp } from "lucide-react";
import type { ReactNode } from "react";
import type { Citation, Recollection, Turn } from "@/api/types";
import { AnswerText } from "@/features/citations/answer-text";
import { CitationMark } from "@/features/citations/citation-mark";
import { NotInSources } from "@/features/citations/not-in-sources";
import { VerifiedQuote } from "@/features/citations/verified-quote";
import type { TurnView } from "@/features/chat/turn-view";

/** The words of an answer with the numbers of its sources, and the sources below. */
export function ChatAnswer({ turn, view }: { turn: Turn; view: TurnView }) {
  const ended = turn.status === "completed";
  const text = turn.answer ?? view.draft;
  const citations = ended ? turn.citations : view.citations;
  const recalled = ended ? turn.recalled : view.recalled;
  const forming = turn.status === "queued" || turn.status === "running";
  return (
    <>
      {turn.abstained && <NotInSources />}
      {turn.abstained && saysNoMore(text) && <p className="text-muted">None of the passages that you may read answers this.</p>}
      {text && !(turn.abstained && saysNoMore(text)) && (
        <AnswerText
          text={text}
          citations={citations}
          forming={forming}
          mark={(number, citation) => (
            <CitationMark number={number} citation={citation}>
              <SourceLink turn={turn} number={number}>
                {number}
              </SourceLink>
            </CitationMark>
          )}
        />
      )}
      {ended && turn.answer === null && <p className="text-muted italic">Withheld: the answer comes from documents that you may not read now.</p>}
      {turn.withheld && turn.answer !== null && <p className="text-muted">Parts are withheld: they come from documents that may not be read now.</p>}
      <SourceList turn={turn} citations={citations} />
      <Recalled recalled={recalled} />
    </>
  );
}

/** The heading says it already. */
const saysNoMore = (text: string): boolean => /^not in the sources\.?$/i.test(text.trim());

type SourceLinkProps = { turn: Turn; number: number; className?: string; children: ReactNode };

function SourceLink({ turn, number, ...rest }: SourceLinkProps) {
  return (
    <Link from="/chat/$conversationId" to="." search={({ at }) => ({ at, turn: turn.id, source: number })} resetScroll={false} {...rest} />
  );
}

function SourceList({ turn, citations }: { turn: Turn; citations: Citation[] }) {
  if (citations.length === 0) return null;
  return (
    <ol aria-label="Sources" data-testid="sources" className="flex flex-col border-t">
      {citations.map((citation, index) => (
        <li key={index} className="flex items-baseline gap-x-3 border-b py-2">
          <span className="w-4 shrink-0 text-right text-[13px] font-semibold text-seal">{index + 1}</span>
          <div className="flex min-w-0 flex-1 flex-wrap items-baseline justify-between gap-x-4 gap-y-0.5">
            <SourceLink turn={turn} number={index + 1} className="min-w-0 break-words underline-offset-4 hover:underline">
              {citation.document || "Withheld"}
            </SourceLink>
            <VerifiedQuote verified={citation.verified} />
          </div>
        </li>
      ))}
    </ol>
  );
}

function Recalled({ recalled }: { recalled: Recollection[] }) {
  if (recalled.length === 0) return null;
  return (
    <ul aria-label="From earlier in this conversation" className="flex flex-col gap-2">
      {recalled.map((each, index) => (
        <li key={index} className="flex gap-2.5 text-[13px] text-muted">
          <CornerLeftUp aria-hidden className="mt-0.5 size-4 shrink-0" />
          <button
            type="button"
            onClick={() => document.querySelector(`[data-turn="${each.turn_id}"]`)?.scrollIntoView({ block: "start" })}
            className="min-w-0 text-left break-words hover:text-ink"
          >
            Said earlier: “{each.quote.trim()}”
          </button>
        </li>
      ))}
    </ul>
  );
}
