import { Ban, CircleAlert, CircleCheck, CircleDashed, CircleDot, Clock, OctagonAlert, type LucideIcon } from "lucide-react";
import { cn } from "@/lib/classes";
import { humanise } from "@/lib/format";

type Look = { label: string; icon: LucideIcon; tone: string; moving?: boolean };

const LOOKS: Record<string, Look> = {
  queued: { label: "Queued", icon: Clock, tone: "text-muted" },
  pending: { label: "Waiting", icon: CircleDashed, tone: "text-muted" },
  running: { label: "Running", icon: CircleDot, tone: "text-wait", moving: true },
  processing: { label: "Processing", icon: CircleDot, tone: "text-wait", moving: true },
  completed: { label: "Completed", icon: CircleCheck, tone: "text-ok" },
  done: { label: "Done", icon: CircleCheck, tone: "text-ok" },
  ready: { label: "Ready", icon: CircleCheck, tone: "text-ok" },
  success: { label: "Success", icon: CircleCheck, tone: "text-ok" },
  allowed: { label: "Allowed", icon: CircleCheck, tone: "text-ok" },
  active: { label: "Active", icon: CircleCheck, tone: "text-ok" },
  failed: { label: "Failed", icon: CircleAlert, tone: "text-fail" },
  failure: { label: "Failure", icon: CircleAlert, tone: "text-fail" },
  error: { label: "Error", icon: CircleAlert, tone: "text-fail" },
  denied: { label: "Denied", icon: Ban, tone: "text-fail" },
  rejected: { label: "Rejected", icon: CircleAlert, tone: "text-fail" },
  quarantined: { label: "Quarantined", icon: OctagonAlert, tone: "text-fail" },
  cancelled: { label: "Cancelled", icon: Ban, tone: "text-muted" },
  deleted: { label: "Deleted", icon: Ban, tone: "text-muted" },
  disabled: { label: "Disabled", icon: Ban, tone: "text-muted" },
};

/** A state in a word with an icon; never a colour alone. */
export function Status({ value, label, className }: { value: string; label?: string; className?: string }) {
  const look = LOOKS[value] ?? { label: humanise(value), icon: CircleDashed, tone: "text-muted" };
  return (
    <span data-status={value} className={cn("inline-flex items-center gap-1.5 align-top whitespace-nowrap", className)}>
      <look.icon aria-hidden className={cn("size-4 shrink-0", look.tone, look.moving && "animate-breathe")} />
      {label ?? look.label}
    </span>
  );
}
