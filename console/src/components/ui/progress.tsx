import { Progress as Radix } from "radix-ui";
import { cn } from "@/lib/classes";

type ProgressBarProps = { done: number; total: number; label: string; className?: string };

export function ProgressBar({ done, total, label, className }: ProgressBarProps) {
  const share = total > 0 ? Math.min(1, done / total) : 0;
  return (
    <Radix.Root
      value={Math.round(share * 100)}
      aria-label={label}
      className={cn("h-1.5 w-full overflow-hidden rounded-full bg-line", className)}
    >
      <Radix.Indicator className="h-full bg-ink transition-[width] duration-300" style={{ width: `${share * 100}%` }} />
    </Radix.Root>
  );
}
