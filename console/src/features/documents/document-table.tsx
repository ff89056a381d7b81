import { Link } from "@tanstack/react-router";
import type { Collection, Document } from "@/api/types";
import { DataTable, ROW_LINK, type Column } from "@/components/data-table";
import { Status } from "@/components/status";
import { Time } from "@/components/time";
import { ProgressBar } from "@/components/ui/progress";
import { collectionName } from "@/features/documents/api";
import { typeName } from "@/features/documents/kinds";
import { formatBytes, formatDay, formatNumber, plural } from "@/lib/format";

type DocumentTableProps = { rows: Document[] | undefined; collections: Collection[] | undefined; showCollection: boolean };

export function DocumentTable({ rows, collections, showCollection }: DocumentTableProps) {
  const columns: Column<Document>[] = [
    {
      id: "name",
      header: "Name",
      inList: "title",
      className: "w-full min-w-52",
      cell: (row) => (
        <Link from="/documents" to="/documents/$documentId" params={{ documentId: row.id }} search={(now) => now} className={`${ROW_LINK} wrap-anywhere`}>
          {row.name}
        </Link>
      ),
    },
    { id: "status", header: "Status", inList: "line", className: "min-w-44", cell: (row) => <DocumentProgress document={row} /> },
    ...(showCollection
      ? [{ id: "collection", header: "Collection", className: "max-w-56", cell: (row: Document) => <span className="block md:truncate">{collectionName(collections, row.collection_id)}</span> }]
      : []),
    {
      id: "chunks",
      header: "Chunks",
      className: "text-right",
      inList: "hidden",
      cell: (row) => (row.status === "ready" ? formatNumber(row.chunk_count) : <span className="text-muted">–</span>),
    },
    { id: "type", header: "Type", className: "whitespace-nowrap", cell: (row) => typeName(row.media_type) },
    { id: "dated", header: "Dated", className: "whitespace-nowrap", inList: "hidden", cell: (row) => (row.dated ? formatDay(row.dated) : <span className="text-muted">–</span>) },
    { id: "size", header: "Size", className: "text-right whitespace-nowrap", cell: (row) => formatBytes(row.bytes) },
    { id: "created", header: "Added", listLabel: "Added", className: "text-right", cell: (row) => <Time at={row.created_at} /> },
  ];
  return <DataTable label="Documents" testId="documents" columns={columns} rows={rows} rowKey={(row) => row.id} />;
}

function DocumentProgress({ document }: { document: Document }) {
  const { status, progress, problem, name } = document;
  if (status === "rejected" && problem) {
    return (
      <div className="max-w-96">
        <Status value="rejected" />
        <p className="text-[13px] text-muted">{problem.detail || problem.title}</p>
      </div>
    );
  }
  if (status !== "processing" || !progress || progress.total === 0) return <Status value={status} />;
  return (
    <div className="flex flex-col gap-1">
      <span className="flex justify-between gap-3">
        <Status value={status} />
        <span className="text-[13px] whitespace-nowrap text-muted">
          {formatNumber(progress.done)} of {plural(progress.total, "chunk")}
        </span>
      </span>
      <ProgressBar done={progress.done} total={progress.total} label={`Indexing of ${name}`} />
    </div>
  );
}
