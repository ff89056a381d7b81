import { useInfiniteQuery } from "@tanstack/react-query";
import { getRouteApi, Link, Outlet } from "@tanstack/react-router";
import { allRows } from "@/api/pages";
import type { AuditRecord } from "@/api/types";
import { DataTable, ROW_LINK, type Column } from "@/components/data-table";
import { LoadMore } from "@/components/load-more";
import { Page } from "@/components/page";
import { Seal } from "@/components/seal";
import { Empty, Failure } from "@/components/states";
import { Status } from "@/components/status";
import { Time } from "@/components/time";
import { Button } from "@/components/ui/button";
import { auditQuery } from "@/features/audit/api";
import { Filters } from "@/features/audit/filters";
import { actorName, eventName, resourceName } from "@/features/audit/names";
import { VerifyBadge } from "@/features/audit/verify-badge";
import { useMay } from "@/features/session/api";
import { formatNumber } from "@/lib/format";

const route = getRouteApi("/app/audit");

const COLUMNS: Column<AuditRecord>[] = [
  {
    id: "seq",
    header: "No.",
    inList: "corner",
    className: "w-24",
    cell: ({ seq, integrity }) => (
      <span className="inline-flex items-center gap-1.5 align-top whitespace-nowrap">
        <Seal size={16} state={integrity.sealed ? "intact" : "pending"} label={integrity.sealed ? "Sealed" : "Not yet sealed"} />
        {seq === null ? <span className="text-muted">–</span> : formatNumber(seq)}
      </span>
    ),
  },
  {
    id: "event",
    header: "Event",
    inList: "title",
    cell: (record) => (
      <Link from="/audit" to="/audit/$recordId" params={{ recordId: record.id }} search={(now) => now} className={`${ROW_LINK} font-mono text-[13px] break-words md:whitespace-nowrap`}>
        {record.action}
      </Link>
    ),
  },
  { id: "type", header: "Kind", className: "w-32 whitespace-nowrap", cell: (record) => eventName(record.event_type) },
  { id: "outcome", header: "Outcome", className: "w-32", cell: (record) => <Status value={record.outcome} /> },
  { id: "actor", header: "Actor", className: "max-w-48", cell: (record) => <span className="block truncate">{actorName(record)}</span> },
  {
    id: "resource",
    header: "Resource",
    className: "max-w-56",
    cell: (record) => <span className="block truncate">{resourceName(record)}</span>,
  },
  { id: "time", header: "Time", className: "w-36 text-right", cell: (record) => <Time at={record.time} /> },
];

export function AuditPage() {
  const filter = route.useSearch();
  const navigate = route.useNavigate();
  const may = useMay();
  const records = useInfiniteQuery(auditQuery(filter));
  const rows = allRows(records.data);
  const isFiltered = Object.values(filter).some(Boolean);
  const clear = () => void navigate({ search: {} });
  return (
    <Page
      title="Audit"
      note="Every prompt, output and action, chained and sealed. Content is held apart and opens only on request."
      action={
        may("compliance.export") && (
          <Button asChild>
            <Link to="/exports">Export records</Link>
          </Button>
        )
      }
    >
      <VerifyBadge />
      <Filters filter={filter} onChange={(part) => void navigate({ search: (now) => ({ ...now, ...part }) })} onClear={clear} />
      {records.error && !rows ? (
        <Failure error={records.error} title="The records can't be listed" onRetry={() => void records.refetch()} />
      ) : rows?.length === 0 ? (
        <Empty title={isFiltered ? "No record fits these filters" : "No records yet"} action={isFiltered && <Button onClick={clear}>Clear the filters</Button>}>
          {isFiltered ? "Widen the time range or clear a filter." : "Signing in, uploading and running tasks each leave a record here."}
        </Empty>
      ) : (
        <DataTable label="Audit records" testId="audit-records" columns={COLUMNS} rows={rows} rowKey={(record) => record.id} />
      )}
      <LoadMore query={records} />
      <Outlet />
    </Page>
  );
}
