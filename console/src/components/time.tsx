import { Tooltip } from "@/components/ui/tooltip";
import { formatDuration, formatExact, formatRelative, secondsBetween } from "@/lib/format";
import { useNow } from "@/lib/use-now";

/** A time told from now, with the exact one on hover and focus. */
export function Time({ at }: { at: string }) {
  const now = useNow(30_000);
  return (
    <Tooltip text={formatExact(at)}>
      <time dateTime={at} className="relative z-10 whitespace-nowrap">
        {formatRelative(at, now)}
      </time>
    </Tooltip>
  );
}

/** How long something took, or has been taking so far. */
export function Elapsed({ from, to }: { from: string | null; to: string | null }) {
  const now = useNow(from && !to ? 1000 : 0);
  if (!from) return <span className="text-muted">–</span>;
  const end = to ?? new Date(Math.max(now, Date.parse(from))).toISOString();
  return <span className="whitespace-nowrap">{formatDuration(secondsBetween(from, end))}</span>;
}
