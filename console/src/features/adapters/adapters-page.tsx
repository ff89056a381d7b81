import { useInfiniteQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { allRows } from "@/api/pages";
import type { Adapter } from "@/api/types";
import { DataTable, ROW_LINK, type Column } from "@/components/data-table";
import { LoadMore } from "@/components/load-more";
import { Page } from "@/components/page";
import { Empty, Failure } from "@/components/states";
import { Status } from "@/components/status";
import { Time } from "@/components/time";
import { Tabs } from "@/components/ui/tabs";
import { adaptersQuery } from "@/features/adapters/api";
import { Comparisons } from "@/features/adapters/comparisons";
import { STATES } from "@/features/adapters/words";
import { formatBytes } from "@/lib/format";

const route = getRouteApi("/app/adapters");

const COLUMNS: Column<Adapter>[] = [
  {
    id: "name",
    header: "Adapter",
    inList: "title",
    className: "w-full min-w-48",
    cell: (row) => (
      <Link to="/adapters/$adapterId" params={{ adapterId: row.id }} className={`${ROW_LINK} break-words`}>
        {row.name}
      </Link>
    ),
  },
  { id: "status", header: "Evaluation", inList: "line", className: "whitespace-nowrap", cell: (row) => <AdapterState adapter={row} /> },
  { id: "published", header: "Answers for", inList: "line", className: "min-w-40", cell: (row) => row.published_for.map(({ name }) => name).join(", ") || <span className="text-muted">No assistant</span> },
  { id: "model", header: "Model", className: "whitespace-nowrap", cell: (row) => row.model },
  { id: "size", header: "Size", className: "text-right whitespace-nowrap tabular-nums", cell: (row) => formatBytes(row.bytes) },
  { id: "created", header: "Made", className: "w-36 text-right", cell: (row) => <Time at={row.created_at} /> },
];

export function AdapterState({ adapter }: { adapter: Adapter }) {
  const { evaluation, retraining } = adapter;
  if (retraining) return <Status value="failed" label="To be trained anew" />;
  if (evaluation?.status === "queued" || evaluation?.status === "running") return <Status value="running" label="Being evaluated" />;
  const { status, label } = STATES[adapter.status];
  return <Status value={status} label={label} />;
}

export function AdaptersPage() {
  const { tab } = route.useSearch();
  const navigate = route.useNavigate();
  return (
    <Page title="Adapters" note="What training jobs made. One that passed its evaluation can be published for an assistant, and taken back at any time.">
      <Tabs
        label="Adapters and blind choices"
        value={tab ?? "adapters"}
        onChange={(next) => void navigate({ search: { tab: next === "comparisons" ? "comparisons" : undefined }, replace: true })}
        tabs={[
          { value: "adapters", label: "Adapters", content: <Adapters /> },
          { value: "comparisons", label: "Blind choices", content: <Comparisons /> },
        ]}
      />
    </Page>
  );
}

function Adapters() {
  const adapters = useInfiniteQuery(adaptersQuery);
  const rows = allRows(adapters.data);
  if (adapters.error && !rows) return <Failure error={adapters.error} title="The adapters can't be listed" onRetry={() => void adapters.refetch()} />;
  if (rows?.length === 0) {
    return (
      <Empty title="No adapters yet">
        A <Link to="/training" className="underline underline-offset-4">training job</Link> makes one.
      </Empty>
    );
  }
  return (
    <div className="flex flex-col gap-6">
      <DataTable label="Adapters" testId="adapters" columns={COLUMNS} rows={rows} rowKey={(row) => row.id} />
      <LoadMore query={adapters} />
    </div>
  );
}
