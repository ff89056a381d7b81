import { CircleCheck, SearchX } from "lucide-react";
import type { FoundPassages } from "@/api/types";
import { reachWords } from "@/features/citations/search-words";
import { formatShare } from "@/lib/format";

/** What came of a search as a whole: whether anything in it answers, and how far it reached. */
export function Verdict({ found: { found, confidence, passages, allowed, denied } }: { found: FoundPassages }) {
  const Icon = found ? CircleCheck : SearchX;
  return (
    <div role="status" data-testid="search-verdict" data-found={found} className="flex gap-2.5 rounded-md border bg-sheet px-4 py-3">
      <Icon aria-hidden className={found ? "mt-0.5 size-4 shrink-0 text-ok" : "mt-0.5 size-4 shrink-0 text-wait"} />
      <div className="min-w-0 flex-1">
        <p>
          <span className="font-medium">{found ? "The first passage answers this" : "Not in the sources"}</span>{" "}
          <span className="text-muted">{words(found, confidence, passages.length)}</span>
        </p>
        <p className="text-[13px] text-muted">{reachWords(allowed, denied)}</p>
      </div>
    </div>
  );
}

function words(found: boolean, confidence: number, count: number): string {
  if (count === 0) return "Nothing that you may read comes near it.";
  const likely = `${formatShare(confidence)} likely`;
  return found ? `(${likely}).` : `These are the nearest passages; that the first one answers is ${likely}.`;
}
