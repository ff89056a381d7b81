import { Link } from "@tanstack/react-router";
import { ChevronRight } from "lucide-react";
import { Collapsible } from "radix-ui";
import type { Passage } from "@/api/types";
import { likelyWords, reachWords } from "@/features/citations/search-words";
import type { Reading, Retrieval } from "@/features/tasks/run-view";
import { plural } from "@/lib/format";

/** What a search found, and how many documents were in and out of the asker's reach. */
export function Passages({ retrieval: { passages, allowed, denied, confidence } }: { retrieval: Retrieval }) {
  const note = [reachWords(allowed, denied), likelyWords(confidence)].filter(Boolean).join("; ");
  return <Places title={plural(passages.length, "passage")} note={note} places={passages} testId="passages" />;
}

/** The lines that the model chose from; none when the passages don't speak of the question. */
export function Lines({ reading: { lines } }: { reading: Reading }) {
  const note = lines.length === 0 ? "None: the passages don’t speak of the question" : `${plural(lines.length, "line")} of the passages, best first`;
  return <Places title="Lines put before the model" note={note} places={lines} testId="lines" />;
}

type PlacesProps = { title: string; note: string; places: Passage[]; testId: string };

function Places({ title, note, places, testId }: PlacesProps) {
  return (
    <Collapsible.Root className="rounded-md border bg-sheet" data-testid={testId}>
      <Collapsible.Trigger className="group flex w-full items-center gap-2 rounded-md px-3 py-2 text-left text-[13px] hover:bg-well">
        <ChevronRight aria-hidden className="size-4 shrink-0 text-muted transition-transform group-data-[state=open]:rotate-90" />
        <span className="min-w-0 flex-1">
          <span className="font-medium">{title}</span>
          <span className="block text-muted">{note}</span>
        </span>
      </Collapsible.Trigger>
      <Collapsible.Content>
        <ol className="flex flex-col border-t">
          {places.map((place) => (
            <li key={`${place.chunk_id}-${place.start}`} className="flex flex-col gap-1 border-b px-3 py-2.5 last:border-b-0">
              <p className="flex justify-between gap-3 text-[13px]">
                <Link
                  from="/tasks/$taskId"
                  to="."
                  search={(now) => ({ ...now, document: place.document_id, start: place.start, end: place.end })}
                  resetScroll={false}
                  className="min-w-0 truncate font-medium underline-offset-4 hover:underline"
                >
                  {place.document || "Withheld"}
                </Link>
                <span className="shrink-0 font-mono text-[12px] text-muted">{place.score.toFixed(3)}</span>
              </p>
              <p className="line-clamp-3 font-serif text-[14px] leading-[21px]">{place.text}</p>
            </li>
          ))}
        </ol>
      </Collapsible.Content>
    </Collapsible.Root>
  );
}
