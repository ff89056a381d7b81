import type { ReactNode } from "react";
import { Skeleton } from "@/components/ui/skeleton";
import { cn } from "@/lib/classes";
import { useIsWide } from "@/lib/use-media-query";

export type Column<Row> = {
  id: string;
  header: string;
  cell: (row: Row) => ReactNode;
  /** Classes of the column in the table, such as a width or an alignment. */
  className?: string;
  /** Its place when the table is a list: the heading line, the quiet line, a line of its own, the corner, or nowhere. */
  inList?: "title" | "meta" | "line" | "corner" | "hidden";
  /** Said before it where the table is a list and no header says what it is. */
  listLabel?: string;
};

type DataTableProps<Row> = {
  label: string;
  columns: Column<Row>[];
  rows: Row[] | undefined;
  rowKey: (row: Row) => string;
  testId?: string;
};

const WAITING_ROWS = 5;

/** A dense table with a sticky header; below 768 px the same rows as a list. Undefined rows are on their way. */
export function DataTable<Row>(props: DataTableProps<Row>) {
  return useIsWide() ? <Table {...props} /> : <List {...props} />;
}

function Table<Row>({ label, columns, rows, rowKey, testId }: DataTableProps<Row>) {
  return (
    <table aria-label={label} aria-busy={!rows} data-testid={testId} className="w-full border-separate border-spacing-0">
      <thead>
        <tr>
          {columns.map((column) => (
            <th
              key={column.id}
              scope="col"
              className={cn(
                "sticky top-0 z-20 h-9 border-b border-line-strong bg-paper px-3 text-left text-[13px] font-medium whitespace-nowrap text-muted first:pl-2 last:pr-2",
                column.className,
              )}
            >
              {column.header || <span className="sr-only">Actions</span>}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows?.map((row) => (
          <tr key={rowKey(row)} data-row={rowKey(row)} className="relative hover:bg-well">
            {columns.map((column) => (
              <td key={column.id} className={cn("h-11 border-b px-3 py-1.5 first:pl-2 last:pr-2", column.className)}>
                {column.cell(row)}
              </td>
            ))}
          </tr>
        ))}
        {!rows &&
          Array.from({ length: WAITING_ROWS }, (_, index) => (
            <tr key={index}>
              {columns.map((column) => (
                <td key={column.id} className="h-11 border-b px-3 first:pl-2 last:pr-2">
                  <Skeleton className="w-3/4" />
                </td>
              ))}
            </tr>
          ))}
      </tbody>
    </table>
  );
}

function List<Row>({ label, columns, rows, rowKey, testId }: DataTableProps<Row>) {
  const at = (place: Column<Row>["inList"]) => columns.filter((column) => (column.inList ?? "meta") === place);
  return (
    <ul aria-label={label} aria-busy={!rows} data-testid={testId} className="flex flex-col border-t">
      {rows?.map((row) => (
        <li key={rowKey(row)} data-row={rowKey(row)} className="relative flex flex-col gap-1.5 border-b py-3 active:bg-well">
          <div className="flex items-start justify-between gap-3">
            <div className="min-w-0 flex-1">{at("title").map((column) => <div key={column.id}>{column.cell(row)}</div>)}</div>
            {at("corner").map((column) => (
              <div key={column.id}>{column.cell(row)}</div>
            ))}
          </div>
          {at("line").map((column) => (
            <div key={column.id}>{column.cell(row)}</div>
          ))}
          <div className="flex flex-wrap items-center gap-x-4 gap-y-1 text-[13px] text-muted [&_[data-status]]:text-ink">
            {at("meta").map((column) => (
              <span key={column.id} className="min-w-0 empty:hidden">
                {column.listLabel && `${column.listLabel} `}
                {column.cell(row)}
              </span>
            ))}
          </div>
        </li>
      ))}
      {!rows && Array.from({ length: WAITING_ROWS }, (_, index) => (
        <li key={index} className="flex flex-col gap-2 border-b py-3">
          <Skeleton className="w-3/4" />
          <Skeleton className="w-1/2" />
        </li>
      ))}
    </ul>
  );
}

/** Makes the whole row follow the link inside its title cell. */
export const ROW_LINK = "font-medium after:absolute after:inset-0 hover:underline underline-offset-4";
