import { Link } from "@tanstack/react-router";
import { ChevronRight } from "lucide-react";
import { Collapsible } from "radix-ui";
import type { Passage, Turn } from "@/api/types";
import { Facts } from "@/components/facts";
import { SkeletonLines } from "@/components/ui/skeleton";
import type { Search } from "@/features/citations/why-cited";
import { likelyWords, reachWords } from "@/features/citations/search-words";
import { routeWords } from "@/features/chat/route-words";
import type { TurnView } from "@/features/chat/turn-view";
import { formatNumber, plural } from "@/lib/format";

type ConsideredProps = { turn: Turn; view: TurnView; open: boolean; onOpen: (open: boolean) => void; loading: boolean };

/** How the answer was looked for, and everything that was found, cited or not. */
export function Considered({ turn, view, open, onOpen, loading }: ConsideredProps) {
  const looked = turn.kind === "question" || turn.route?.route === "search" || turn.route?.route === "whole_documents";
  if (!looked && turn.recalled.length === 0) return null;
  return (
    <Collapsible.Root open={open} onOpenChange={onOpen} data-testid="considered">
      <Collapsible.Trigger className="group -ml-1 inline-flex items-center gap-1 rounded-sm px-1 text-[13px] text-muted hover:text-ink">
        <ChevronRight aria-hidden className="size-4 transition-transform group-data-[state=open]:rotate-90" />
        Sources considered
      </Collapsible.Trigger>
      <Collapsible.Content className="flex flex-col gap-4 pt-3">
        {loading ? <SkeletonLines count={4} /> : <Found turn={turn} view={view} />}
      </Collapsible.Content>
    </Collapsible.Root>
  );
}

function Found({ turn, view }: { turn: Turn; view: TurnView }) {
  const lines = view.lines.reduce((sum, group) => sum + group.length, 0);
  return (
    <>
      <Facts
        className="text-[13px]"
        facts={[
          ["Looked in", turn.route && routeWords(turn.route)],
          ["Lines shown to the model", lines > 0 ? formatNumber(lines) : null],
          ["Model", view.models.join(", ")],
        ]}
      />
      {view.considered.map((search, index) => (
        <Results key={index} turn={turn} search={search} />
      ))}
      {view.considered.length === 0 && <p className="text-muted">Nothing was searched for this answer.</p>}
    </>
  );
}

function Results({ turn, search }: { turn: Turn; search: Search }) {
  const { query, passages, allowed, denied, confidence } = search;
  return (
    <div className="rounded-md border bg-sheet">
      <p className="border-b px-3 py-2 text-[13px]">
        <span className="font-medium">“{query}”</span>
        <span className="block text-muted">
          {[plural(passages.length, "passage"), likelyWords(confidence), allowed > 0 && reachWords(allowed, denied)].filter(Boolean).join("; ")}
        </span>
      </p>
      <ol className="flex flex-col">
        {passages.map((passage) => (
          <Result key={`${passage.chunk_id}-${passage.start}`} turn={turn} passage={passage} />
        ))}
      </ol>
    </div>
  );
}

function Result({ turn, passage }: { turn: Turn; passage: Passage }) {
  const isCited = turn.citations.some(
    ({ document_id, start, end }) => document_id === passage.document_id && start < passage.end && passage.start < end,
  );
  return (
    <li className="flex flex-col gap-1 border-b px-3 py-2.5 last:border-b-0">
      <p className="flex justify-between gap-3 text-[13px]">
        <Link
          from="/chat/$conversationId"
          to="."
          search={({ at }) => ({ at, turn: turn.id, document: passage.document_id, start: passage.start, end: passage.end })}
          resetScroll={false}
          className="min-w-0 truncate font-medium underline-offset-4 hover:underline"
        >
          {passage.document || "Withheld"}
        </Link>
        <span className="shrink-0 text-muted">
          {isCited && <span className="mr-3 font-medium text-seal">Cited</span>}
          <span className="font-mono text-[12px]">{passage.score.toFixed(3)}</span>
        </span>
      </p>
      <p className="line-clamp-3 font-serif text-[14px] leading-[21px]">{passage.text}</p>
    </li>
  );
}
