import { Link } from "@tanstack/react-router";
import { failureText } from "@/api/problem";
import type { Evaluation } from "@/api/types";
import { DataTable, ROW_LINK, type Column } from "@/components/data-table";
import { Status } from "@/components/status";
import { Time } from "@/components/time";
import { ProgressBar } from "@/components/ui/progress";
import { waysOf } from "@/features/evaluations/strategy-words";
import { range, share } from "@/features/evaluations/words";
import { formatDuration, formatNumber } from "@/lib/format";

const COLUMNS: Column<Evaluation>[] = [
  {
    id: "set",
    header: "Questions",
    inList: "title",
    className: "w-full min-w-56",
    cell: (row) => (
      <Link to="/evaluations/$evaluationId" params={{ evaluationId: row.id }} search={{}} className={`${ROW_LINK} break-words`}>
        {row.question_set.name}
      </Link>
    ),
  },
  { id: "configurations", header: "Ways", className: "min-w-44", cell: (row) => waysOf(row).join(", ") },
  { id: "status", header: "Status", inList: "line", className: "min-w-48", cell: (row) => <EvaluationState evaluation={row} /> },
  { id: "ndcg", header: "nDCG@10", className: "text-right whitespace-nowrap", cell: (row) => <FirstMean evaluation={row} /> },
  { id: "created", header: "Asked", className: "w-36 text-right", cell: (row) => <Time at={row.created_at} /> },
];

export function EvaluationTable({ rows }: { rows: Evaluation[] | undefined }) {
  return <DataTable label="Evaluations" testId="evaluations" columns={COLUMNS} rows={rows} rowKey={(row) => row.id} />;
}

function FirstMean({ evaluation }: { evaluation: Evaluation }) {
  const first = evaluation.result?.configurations[0]?.measures.ndcg_at_10;
  if (!first) return <span className="text-muted">–</span>;
  return (
    <span>
      <span className="font-medium">{share(first.mean)}</span> <span className="text-muted">({range(first)})</span>
    </span>
  );
}

/** Where it stands, with progress and time left while it runs, and the reason where it failed. */
export function EvaluationState({ evaluation }: { evaluation: Evaluation }) {
  const { status, progress, cancel_requested, error } = evaluation;
  const isStopping = cancel_requested && (status === "running" || status === "queued");
  return (
    <div className="flex max-w-80 flex-col gap-1">
      <span className="flex flex-wrap justify-between gap-x-3">
        {isStopping ? <Status value="cancelled" label="Stopping" /> : <Status value={status} />}
        {status === "running" && (
          <span className="text-[13px] whitespace-nowrap text-muted">
            {formatNumber(progress.done)} of {formatNumber(progress.total)}
            {progress.eta_s !== null && `, ${formatDuration(Math.max(1, progress.eta_s))} left`}
          </span>
        )}
      </span>
      {status === "running" && <ProgressBar done={progress.done} total={progress.total} label="Questions measured" />}
      {status === "failed" && error && <p className="text-[13px] break-words text-muted">{failureText(error)}</p>}
    </div>
  );
}
