import { TriangleAlert } from "lucide-react";
import type { ReactNode } from "react";
import { problemOf } from "@/api/problem";
import { Copyable } from "@/components/copyable";
import { Button } from "@/components/ui/button";
import { cn } from "@/lib/classes";

/** `heading`: it is all that the page has. */
type EmptyProps = { title: string; children?: ReactNode; action?: ReactNode; heading?: boolean };

/** Says what belongs here and offers the first step. */
export function Empty({ title, children, action, heading = false }: EmptyProps) {
  const Title = heading ? "h1" : "p";
  return (
    <div data-testid="empty" className="flex flex-col items-center gap-2 rounded-md border border-dashed px-6 py-12 text-center">
      <Title className="font-medium">{title}</Title>
      {children && <p className="max-w-[52ch] text-muted">{children}</p>}
      {action && <div className="mt-3">{action}</div>}
    </div>
  );
}

type FailureProps = { error: unknown; title?: string; kept?: string; onRetry?: () => void; className?: string };

/** What happened, what was kept, what to do, and the request id. */
export function Failure({ error, title, kept, onRetry, className }: FailureProps) {
  const problem = problemOf(error);
  const explanation = [title ? problem.title : null, problem.detail, kept].filter(Boolean);
  return (
    <div role="alert" className={cn("flex gap-3 rounded-md border border-fail/40 bg-fail-wash px-4 py-3", className)}>
      <TriangleAlert className="mt-0.5 size-4 shrink-0 text-fail" aria-hidden />
      <div className="min-w-0 flex-1">
        <p className="font-medium break-words">{title ?? problem.title}</p>
        {explanation.length > 0 && <p className="mt-0.5 break-words">{explanation.map(asSentence).join(" ")}</p>}
        {problem.request_id && (
          <p className="mt-1 flex flex-wrap items-center gap-x-1.5 text-[13px]">
            Request <Copyable value={problem.request_id} what="request id" />
          </p>
        )}
      </div>
      {onRetry && (
        <Button size="small" onClick={onRetry}>
          Try again
        </Button>
      )}
    </div>
  );
}

function asSentence(text: string | null | undefined): string {
  const trimmed = (text ?? "").trim();
  return /[.?:]$/.test(trimmed) ? trimmed : `${trimmed}.`;
}
