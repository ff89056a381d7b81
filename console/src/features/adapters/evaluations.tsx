import { useInfiniteQuery } from "@tanstack/react-query";
import { allRows } from "@/api/pages";
import { failureText } from "@/api/problem";
import type { Adapter, AdapterEvaluation } from "@/api/types";
import { Section } from "@/components/facts";
import { LoadMore } from "@/components/load-more";
import { Empty, Failure } from "@/components/states";
import { Status } from "@/components/status";
import { Time } from "@/components/time";
import { SkeletonLines } from "@/components/ui/skeleton";
import { adapterEvaluationsQuery } from "@/features/adapters/api";
import { f1, REASONS } from "@/features/adapters/words";
import { signed, signedRange } from "@/features/evaluations/words";
import { plural } from "@/lib/format";

export function AdapterEvaluations({ adapter }: { adapter: Adapter }) {
  const evaluations = useInfiniteQuery(adapterEvaluationsQuery(adapter.id));
  const rows = allRows(evaluations.data);
  return (
    <Section title="Evaluations" note="F1: words that an answer shares with the expected one, with and without the adapter.">
      {evaluations.error && !rows && <Failure error={evaluations.error} title="The evaluations can't be listed" onRetry={() => void evaluations.refetch()} />}
      {!rows && !evaluations.error && <SkeletonLines count={3} />}
      {rows?.length === 0 && <Empty title="Not evaluated yet">It answers nobody before an evaluation that it passes.</Empty>}
      {rows && rows.length > 0 && (
        <ul className="flex flex-col border-t" data-testid="adapter-evaluations">
          {rows.map((row) => (
            <Evaluated key={row.id} evaluation={row} />
          ))}
        </ul>
      )}
      <LoadMore query={evaluations} />
    </Section>
  );
}

function Evaluated({ evaluation }: { evaluation: AdapterEvaluation }) {
  const { result, passed, status, error } = evaluation;
  return (
    <li className="flex flex-col gap-1 border-b py-3">
      <span className="flex flex-wrap items-center justify-between gap-x-4">
        {status === "completed" ? <Status value={passed ? "allowed" : "denied"} label={passed ? "Passed" : "Refused"} /> : <Status value={status} />}
        <span className="text-muted">
          {plural(evaluation.questions, "question")}, <Time at={evaluation.created_at} />
        </span>
      </span>
      {result && (
        <p className="tabular-nums">
          {f1(result.adapter_f1)} with it, {f1(result.base_f1)} without: <span className="font-medium">{signed(result.difference.mean)}</span>{" "}
          <span className="text-muted">({signedRange(result.difference)})</span>; {result.better} better, {result.worse} worse
        </p>
      )}
      {result?.reasons.map((reason) => (
        <p key={reason}>{REASONS[reason]}</p>
      ))}
      {error && <p className="text-muted">{failureText(error)}</p>}
    </li>
  );
}
