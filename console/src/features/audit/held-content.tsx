import { Eye } from "lucide-react";
import type { AuditRecord } from "@/api/types";
import { Copyable } from "@/components/copyable";
import { Section } from "@/components/facts";
import { MonoBlock } from "@/components/mono";
import { Failure } from "@/components/states";
import { Button } from "@/components/ui/button";
import { useReveal } from "@/features/audit/api";
import { useMay } from "@/features/session/api";
import { formatBytes, humanise, shortHash } from "@/lib/format";

/** Prompts and outputs, held apart from the chain. Opening them takes a click that says it is recorded. */
export function HeldContent({ record }: { record: AuditRecord }) {
  const reveal = useReveal();
  const may = useMay();
  const revealed = new Map(reveal.data?.content.map((entry) => [entry.ref, entry]));
  return (
    <Section title="Content">
      <ul className="flex flex-col gap-3" data-testid="held-content">
        {record.content.map(({ ref, role, commitment, bytes }) => {
          const shown = revealed.get(ref);
          return (
            <li key={ref} className="flex flex-col gap-1.5">
              <p className="flex flex-wrap items-center justify-between gap-x-4 text-[13px] text-muted">
                <span>
                  {humanise(role)}, {formatBytes(bytes)}
                </span>
                <Copyable value={commitment} shown={shortHash(commitment)} what="commitment" />
              </p>
              {shown?.forgotten && <p>Erased. The commitment still proves that it was there.</p>}
              {shown && shown.text !== null && <MonoBlock text={shown.text} />}
            </li>
          );
        })}
      </ul>
      {reveal.error && <Failure error={reveal.error} title="The content was not opened" />}
      {!reveal.data &&
        (may("audit.content.read") ? (
          <div className="flex flex-wrap items-center gap-x-4 gap-y-2 rounded-md border border-wait/50 bg-wait-wash px-4 py-3">
            <p className="min-w-0 flex-1 basis-56">This may hold personal or confidential words. That you looked is itself recorded.</p>
            <Button size="small" onClick={() => reveal.mutate(record.id)} disabled={reveal.isPending} data-testid="reveal">
              <Eye aria-hidden /> Record and show
            </Button>
          </div>
        ) : (
          <p className="text-muted">You may see that content exists, but not read it.</p>
        ))}
    </Section>
  );
}
