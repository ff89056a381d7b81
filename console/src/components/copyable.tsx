import { Check, Copy } from "lucide-react";
import { cn } from "@/lib/classes";
import { useCopy } from "@/lib/use-copy";

type CopyableProps = { value: string; what: string; shown?: string; className?: string };

/** An id or hash in mono that can be copied whole. */
export function Copyable({ value, what, shown, className }: CopyableProps) {
  const { copied, copy } = useCopy(value);
  const Icon = copied ? Check : Copy;
  return (
    <span className={cn("inline-flex min-w-0 items-start gap-1 font-mono text-[12.5px]", className)}>
      <span className="break-all">{shown && copy ? shown : value}</span>
      {copy && (
        <button
          type="button"
          onClick={copy}
          aria-label={copied ? `Copied the ${what}` : `Copy the ${what}`}
          className="relative z-10 grid size-5 shrink-0 place-items-center rounded-sm text-muted hover:bg-well hover:text-ink"
        >
          <Icon className="size-3.5" />
        </button>
      )}
    </span>
  );
}
