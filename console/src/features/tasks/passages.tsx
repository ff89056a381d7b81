import { Link } from "@tanstack/react-router";
import { ChevronRight } from "lucide-react";
import { Collapsible } from "radix-ui";
import type { Retrieval } from "@/features/tasks/run-view";
import { formatNumber, plural } from "@/lib/format";

/** What a search found, and how many documents were in and out of the asker's reach. */
export function Passages({ retrieval }: { retrieval: Retrieval }) {
  const { unit, passages, allowed, denied } = retrieval;
  const reach = `${plural(allowed, "document")} searched, ${denied === 0 ? "none" : formatNumber(denied)} withheld by access rules`;
  return (
    <Collapsible.Root className="rounded-md border bg-sheet" data-testid="passages">
      <Collapsible.Trigger className="group flex w-full items-center gap-2 rounded-md px-3 py-2 text-left text-[13px] hover:bg-well">
        <ChevronRight aria-hidden className="size-4 shrink-0 text-muted transition-transform group-data-[state=open]:rotate-90" />
        <span className="min-w-0 flex-1">
          <span className="font-medium">{plural(passages.length, unit)}</span>
          <span className="block text-muted">{unit === "passage" ? reach : "The best of them, as the model is shown them"}</span>
        </span>
      </Collapsible.Trigger>
      <Collapsible.Content>
        <ol className="flex flex-col border-t">
          {passages.map((passage) => (
            <li key={`${passage.chunk_id}-${passage.start}`} className="flex flex-col gap-1 border-b px-3 py-2.5 last:border-b-0">
              <p className="flex justify-between gap-3 text-[13px]">
                <Link
                  from="/tasks/$taskId"
                  to="."
                  search={(now) => ({ ...now, document: passage.document_id, start: passage.start, end: passage.end })}
                  resetScroll={false}
                  className="min-w-0 truncate font-medium underline-offset-4 hover:underline"
                >
                  {passage.document}
                </Link>
                <span className="shrink-0 font-mono text-[12px] text-muted">{passage.score.toFixed(3)}</span>
              </p>
              <p className="line-clamp-3 font-serif text-[14px] leading-[21px]">{passage.text}</p>
            </li>
          ))}
        </ol>
      </Collapsible.Content>
    </Collapsible.Root>
  );
}
