import { CircleCheck, CircleDashed, SearchX } from "lucide-react";
import type { FoundPassages } from "@/api/types";
import { reachWords } from "@/features/citations/search-words";
import { cn } from "@/lib/classes";
import { formatShare } from "@/lib/format";

/** What came of a search as a whole: whether anything in it answers, and how far it reached. */
export function Verdict({ found: { found, confidence, passages, allowed, denied } }: { found: FoundPassages }) {
  const { icon: Icon, tone, title } = found === null ? UNKNOWN : found ? ANSWERS : NOT_FOUND;
  return (
    <div role="status" data-testid="search-verdict" data-found={String(found)} className="flex gap-2.5 rounded-md border bg-sheet px-4 py-3">
      <Icon aria-hidden className={cn("mt-0.5 size-4 shrink-0", tone)} />
      <div className="min-w-0 flex-1">
        <p>
          <span className="font-medium">{title}</span> <span className="text-muted">{words(found, confidence, passages.length)}</span>
        </p>
        <p className="text-[13px] text-muted">{reachWords(allowed, denied)}</p>
      </div>
    </div>
  );
}

const ANSWERS = { icon: CircleCheck, tone: "text-ok", title: "The first passage answers this." };
const NOT_FOUND = { icon: SearchX, tone: "text-wait", title: "Not in the sources." };
const UNKNOWN = { icon: CircleDashed, tone: "text-muted", title: "The nearest passages." };

function words(found: boolean | null, confidence: number | null, count: number): string {
  if (count === 0) return "Nothing that you may read comes near it.";
  if (found === null || confidence === null) return "Whether they answer can’t be told for a question this long.";
  const likelihood = formatShare(confidence);
  return found ? `Likelihood ${likelihood}.` : `These are the nearest passages. Likelihood that the first one answers: ${likelihood}.`;
}
