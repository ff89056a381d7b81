import { useInfiniteQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { allRows } from "@/api/pages";
import type { Task, TaskStatus } from "@/api/types";
import { DataTable, ROW_LINK, type Column } from "@/components/data-table";
import { LoadMore } from "@/components/load-more";
import { Page } from "@/components/page";
import { Empty, Failure } from "@/components/states";
import { Status } from "@/components/status";
import { Elapsed, Time } from "@/components/time";
import { Select } from "@/components/ui/select";
import { useMay } from "@/features/session/api";
import { tasksQuery } from "@/features/tasks/api";
import { Composer } from "@/features/tasks/composer";
import { Withheld } from "@/features/tasks/withheld";

const route = getRouteApi("/app/tasks");
const STATUSES = [
  { value: "", label: "Any status" },
  { value: "queued", label: "Queued" },
  { value: "running", label: "Running" },
  { value: "completed", label: "Completed" },
  { value: "failed", label: "Failed" },
  { value: "cancelled", label: "Cancelled" },
];

const COLUMNS: Column<Task>[] = [
  { id: "status", header: "Status", inList: "meta", className: "w-36", cell: (task) => <Status value={task.status} /> },
  {
    id: "request",
    header: "Request",
    inList: "title",
    className: "min-w-56",
    cell: (task) => (
      <Link to="/tasks/$taskId" params={{ taskId: task.id }} className={`${ROW_LINK} line-clamp-2 break-words`}>
        {task.request ?? <Withheld />}
      </Link>
    ),
  },
  { id: "outcome", header: "Outcome", className: "w-44", cell: (task) => outcome(task) && <span className="text-muted">{outcome(task)}</span> },
  {
    id: "duration",
    header: "Duration",
    listLabel: "Took",
    className: "w-28 text-right",
    cell: (task) => <Elapsed from={task.started_at} to={task.finished_at ?? endOf(task)} />,
  },
  { id: "created", header: "Asked", listLabel: "Asked", className: "w-36 text-right", cell: (task) => <Time at={task.created_at} /> },
];

export function TasksPage() {
  const { status } = route.useSearch();
  const navigate = route.useNavigate();
  const may = useMay();
  const tasks = useInfiniteQuery(tasksQuery({ status }));
  const rows = allRows(tasks.data);
  return (
    <Page title="Tasks" note="Each task is planned, carried out over your documents, and answered with its sources.">
      {may("tasks.write") && <Composer />}
      <section className="flex flex-col gap-3" aria-label="All tasks">
        <div className="flex items-center justify-between gap-3">
          <h2 className="font-semibold">History</h2>
          <Select
            label="Status"
            value={status ?? ""}
            options={STATUSES}
            onChange={(next) => void navigate({ search: { status: (next || undefined) as TaskStatus | undefined } })}
          />
        </div>
        {tasks.error && !rows ? (
          <Failure error={tasks.error} title="The tasks can't be listed" onRetry={() => void tasks.refetch()} />
        ) : rows?.length === 0 ? (
          <Empty title={status ? "No task has this status" : "No tasks yet"}>
            {status ? "Choose another status to see more." : "Write what should be done above; the plan, every step and the sources stay on record."}
          </Empty>
        ) : (
          <DataTable label="Tasks" testId="tasks" columns={COLUMNS} rows={rows} rowKey={(task) => task.id} />
        )}
        <LoadMore query={tasks} />
      </section>
    </Page>
  );
}

function outcome(task: Task): string {
  if (task.status === "failed") return "Stopped by an error";
  if (task.status !== "completed") return "";
  if (task.abstained) return "Not in the sources";
  const { length } = task.citations;
  return length === 1 ? "1 source" : `${length} sources`;
}

/** A task that ended without a finishing time must not count on. */
const endOf = (task: Task): string | null => (task.status === "queued" || task.status === "running" ? null : task.started_at);
