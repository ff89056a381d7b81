import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { allRows } from "@/api/pages";
import type { TrainingExample } from "@/api/types";
import { DataTable, type Column } from "@/components/data-table";
import { LoadMore } from "@/components/load-more";
import { Copyable } from "@/components/copyable";
import { Empty, Failure } from "@/components/states";
import { Time } from "@/components/time";
import { examplesQuery } from "@/features/training/api";
import { ORIGINS } from "@/features/training/words";
import { formatNumber, humanise } from "@/lib/format";

const COLUMNS: Column<TrainingExample>[] = [
  { id: "number", header: "No.", inList: "meta", className: "w-16 text-right tabular-nums", cell: (row) => formatNumber(row.ordinal + 1) },
  { id: "origin", header: "From", inList: "title", className: "w-full min-w-48", cell: (row) => <Origin example={row} /> },
  { id: "kind", header: "Kind", className: "w-28", cell: (row) => humanise(row.kind) },
  { id: "use", header: "Use", className: "w-32 whitespace-nowrap", cell: (row) => (row.held_out ? "Held out" : "Learnt from") },
  {
    id: "erased",
    header: "Words",
    className: "w-40 text-right whitespace-nowrap",
    cell: (row) =>
      row.erased_at ? (
        <span>
          Erased <Time at={row.erased_at} />
        </span>
      ) : (
        "Kept"
      ),
  },
];

export function ExampleList({ jobId }: { jobId: string }) {
  const examples = useInfiniteQuery(examplesQuery(jobId));
  const rows = allRows(examples.data);
  if (examples.error && !rows) return <Failure error={examples.error} title="The examples can't be listed" onRetry={() => void examples.refetch()} />;
  if (rows?.length === 0) return <Empty title="No examples">They are gathered when the job starts.</Empty>;
  return (
    <div className="flex flex-col gap-6">
      <DataTable label="Examples" testId="training-examples" columns={COLUMNS} rows={rows} rowKey={(row) => row.id} />
      <LoadMore query={examples} />
    </div>
  );
}

function Origin({ example }: { example: TrainingExample }) {
  const { origin, document_id, turn_id, comparison_id, upload_id } = example;
  const id = document_id ?? turn_id ?? comparison_id ?? upload_id;
  return (
    <span className="flex flex-wrap items-baseline gap-x-2">
      {document_id ? (
        <Link to="/documents/$documentId" params={{ documentId: document_id }} search={{}} className="font-medium underline-offset-4 hover:underline">
          {ORIGINS[origin]}
        </Link>
      ) : (
        <span className="font-medium">{ORIGINS[origin]}</span>
      )}
      {id && <Copyable value={id} what="id of the source" shown={id.slice(-12)} className="text-[13px] text-muted" />}
    </span>
  );
}
