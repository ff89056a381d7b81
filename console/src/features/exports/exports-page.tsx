import { useInfiniteQuery } from "@tanstack/react-query";
import { Download } from "lucide-react";
import { useState, type FormEvent } from "react";
import { failureText } from "@/api/problem";
import { allRows } from "@/api/pages";
import type { ComplianceExport } from "@/api/types";
import { Copyable } from "@/components/copyable";
import { DataTable, type Column } from "@/components/data-table";
import { LoadMore } from "@/components/load-more";
import { Page } from "@/components/page";
import { Empty, Failure } from "@/components/states";
import { Status } from "@/components/status";
import { Time } from "@/components/time";
import { Button } from "@/components/ui/button";
import { Field, Input } from "@/components/ui/field";
import { dayStart } from "@/features/audit/api";
import { exportsQuery, useCreateExport } from "@/features/exports/api";
import { formatBytes, formatDays, plural, shortHash } from "@/lib/format";

const COLUMNS: Column<ComplianceExport>[] = [
  {
    id: "range",
    header: "Records of",
    inList: "title",
    className: "whitespace-nowrap",
    cell: (row) => <span className="font-medium">{formatDays(row.from, row.to)}</span>,
  },
  {
    id: "status",
    header: "Status",
    className: "w-40",
    cell: (row) => (
      <div>
        <Status value={row.status} />
        {row.error && <p className="text-[13px] text-muted">{failureText(row.error)}</p>}
      </div>
    ),
  },
  { id: "records", header: "Holds", cell: (row) => (row.records === null ? <span className="text-muted">–</span> : plural(row.records, "record")) },
  {
    id: "hash",
    header: "SHA-256",
    cell: (row) => (row.sha256 ? <Copyable value={row.sha256} shown={shortHash(row.sha256)} what="hash" /> : <span className="text-muted">–</span>),
  },
  { id: "created", header: "Asked", listLabel: "Asked", className: "text-right", cell: (row) => <Time at={row.created_at} /> },
  {
    id: "file",
    header: "",
    inList: "corner",
    className: "w-40 text-right",
    cell: (row) =>
      row.status === "done" && (
        <Button asChild size="small">
          <a href={`/v1/compliance/exports/${row.id}/file`} download>
            <Download aria-hidden /> {row.bytes === null ? "Download" : formatBytes(row.bytes)}
          </a>
        </Button>
      ),
  },
];

export function ExportsPage() {
  const exports = useInfiniteQuery(exportsQuery);
  const rows = allRows(exports.data);
  return (
    <Page
      title="Exports"
      note="A zip with the records of a time range and a manifest that lets anyone check them without Secretariat."
    >
      <ExportForm />
      {exports.error && !rows ? (
        <Failure error={exports.error} title="The exports can't be listed" onRetry={() => void exports.refetch()} />
      ) : rows?.length === 0 ? (
        <Empty title="No exports yet">Choose a time range above. The export is written in the background and stays here for download.</Empty>
      ) : (
        <DataTable label="Exports" testId="exports" columns={COLUMNS} rows={rows} rowKey={(row) => row.id} />
      )}
      <LoadMore query={exports} />
    </Page>
  );
}

function ExportForm() {
  const [today] = useState(() => new Date().toLocaleDateString("sv-SE"));
  const [from, setFrom] = useState(`${today.slice(0, 7)}-01`);
  const [to, setTo] = useState(today);
  const create = useCreateExport();
  const submit = (event: FormEvent) => {
    event.preventDefault();
    create.mutate({ from: dayStart(from), to: dayStart(to, 1) });
  };
  return (
    <div className="flex flex-col gap-3">
      {create.error && <Failure error={create.error} title="The export was not started" />}
      <form aria-label="New export" onSubmit={submit} className="flex flex-wrap items-end gap-3 rounded-md border bg-sheet p-4">
        <Field label="From" className="w-40">
          {(control) => <Input {...control} type="date" value={from} max={to} onChange={(event) => setFrom(event.target.value)} required />}
        </Field>
        <Field label="To, included" className="w-40">
          {(control) => <Input {...control} type="date" value={to} min={from} onChange={(event) => setTo(event.target.value)} required />}
        </Field>
        <Button type="submit" look="primary" disabled={create.isPending || !from || !to}>
          Export records
        </Button>
      </form>
    </div>
  );
}
