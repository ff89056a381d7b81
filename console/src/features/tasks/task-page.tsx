import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { ArrowLeft } from "lucide-react";
import { ApiError } from "@/api/problem";
import type { Task } from "@/api/types";
import { usePageTitle } from "@/components/page";
import { Empty, Failure } from "@/components/states";
import { Status } from "@/components/status";
import { Elapsed, Time } from "@/components/time";
import { Button } from "@/components/ui/button";
import { SkeletonLines } from "@/components/ui/skeleton";
import { useMay } from "@/features/session/api";
import { taskQuery, useCancelTask } from "@/features/tasks/api";
import { Answer, Artifacts, Sources } from "@/features/tasks/answer";
import { isOpen } from "@/features/tasks/events";
import type { RunView } from "@/features/tasks/run-view";
import { Withheld } from "@/features/tasks/withheld";
import { TaskDrawers } from "@/features/tasks/task-drawers";
import { TaskRecord } from "@/features/tasks/task-record";
import { Timeline } from "@/features/tasks/timeline";
import { useRun } from "@/features/tasks/use-run";

const route = getRouteApi("/app/tasks/$taskId");

export function TaskPage() {
  const { taskId } = route.useParams();
  return <TaskView key={taskId} taskId={taskId} />;
}

function TaskView({ taskId }: { taskId: string }) {
  const { data: task, error, refetch } = useQuery(taskQuery(taskId));
  const { view, line } = useRun(taskId);
  usePageTitle(task?.request?.slice(0, 60) ?? "Task");
  return (
    <div className="mx-auto flex w-full max-w-[1200px] flex-col gap-6 px-4 py-6 sm:px-8 sm:py-8">
      <Link to="/tasks" className="inline-flex items-center gap-1.5 self-start text-muted hover:text-ink">
        <ArrowLeft aria-hidden className="size-4" /> Tasks
      </Link>
      {error && !task && <Failure error={error} title="The task can't be shown" onRetry={() => void refetch()} />}
      {!task && !error && <SkeletonLines count={9} />}
      {task && (
        <>
          <TaskHead task={task} />
          <div className="grid gap-x-12 gap-y-8 lg:grid-cols-[minmax(0,1fr)_minmax(0,400px)]">
            <TaskResult task={task} run={view} />
            <section aria-label="How it was done" className="flex flex-col gap-4 lg:border-l lg:pl-8">
              <div className="flex flex-wrap items-baseline justify-between gap-x-3">
                <h2 className="font-semibold">Plan</h2>
                {isOpen(task.status) && line === "waiting" && (
                  <span role="status" className="text-[13px] text-wait">
                    Connection lost, taking up again…
                  </span>
                )}
              </div>
              {view.steps.length > 0 || view.calls.length > 0 ? <Timeline run={view} /> : <NoPlan task={task} />}
            </section>
          </div>
          <TaskDrawers task={task} run={view} />
        </>
      )}
    </div>
  );
}

function TaskHead({ task }: { task: Task }) {
  const may = useMay();
  const cancel = useCancelTask(task.id);
  return (
    <header className="flex flex-col gap-3 border-b pb-6">
      <div className="flex flex-wrap items-start justify-between gap-x-6 gap-y-3">
        <h1 className="max-w-[72ch] min-w-0 flex-1 basis-64 text-[20px] leading-7 font-semibold tracking-[-0.01em] break-words whitespace-pre-line">
          {task.request ?? <Withheld />}
        </h1>
        {isOpen(task.status) && may("tasks.write") && (
          <Button onClick={() => cancel.mutate()} disabled={cancel.isPending || task.cancel_requested} data-testid="cancel-task">
            {task.cancel_requested ? "Stopping…" : "Cancel task"}
          </Button>
        )}
      </div>
      <div className="flex flex-wrap items-center gap-x-5 gap-y-1.5">
        <Status value={task.status} />
        <span className="text-muted">
          Asked <Time at={task.created_at} />
        </span>
        {task.started_at && (
          <span className="text-muted">
            Took <Elapsed from={task.started_at} to={isOpen(task.status) ? null : (task.finished_at ?? task.started_at)} />
          </span>
        )}
        {may("audit.read") && <TaskRecord taskId={task.id} isOver={!isOpen(task.status)} />}
      </div>
      {cancel.error && <Failure error={cancel.error} title="The task was not cancelled" />}
    </header>
  );
}

function TaskResult({ task, run }: { task: Task; run: RunView }) {
  const text = task.answer ?? run.draft;
  const citations = task.status === "completed" ? task.citations : run.citations;
  const artifacts = task.artifacts.length > 0 ? task.artifacts : run.steps.flatMap((step) => step.artifacts);
  return (
    <div className="flex min-w-0 flex-col gap-8">
      {task.status === "failed" && task.error && (
        <Failure
          error={new ApiError({ status: 0, title: task.error.message, code: task.error.code })}
          title="The task stopped before it had an answer"
          kept="The steps that were done stay on record. Start the task again, or change the request."
        />
      )}
      {task.status === "cancelled" && (
        <Empty title="Cancelled">The steps that were done before stay on record. Nothing more will be carried out.</Empty>
      )}
      {text ? (
        <Answer text={text} citations={citations} abstained={task.abstained === true} forming={isOpen(task.status)} />
      ) : (
        isOpen(task.status) && (
          <div role="status" className="flex flex-col gap-4">
            <p className="text-muted">{task.status === "queued" ? "Waiting for a free worker." : "The answer appears here as it is written."}</p>
            <SkeletonLines count={5} />
          </div>
        )
      )}
      {task.withheld && task.request !== null && <p className="text-muted">Parts are withheld: they come from documents that may not be read now.</p>}
      <Sources citations={citations} />
      <Artifacts artifacts={artifacts} />
    </div>
  );
}

function NoPlan({ task }: { task: Task }) {
  if (isOpen(task.status)) return <SkeletonLines count={4} />;
  return <p className="text-muted">No steps were carried out.</p>;
}
