import { useInfiniteQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useState } from "react";
import { allRows } from "@/api/pages";
import type { Job, JobStatus } from "@/api/types";
import { DataTable, type Column } from "@/components/data-table";
import { LoadMore } from "@/components/load-more";
import { Page } from "@/components/page";
import { Empty, Failure } from "@/components/states";
import { Button } from "@/components/ui/button";
import { Confirm } from "@/components/ui/overlay";
import { Select } from "@/components/ui/select";
import { isMoving, jobsQuery, useCancelJob, useRetryJob } from "@/features/jobs/api";
import { JobState, JobSubject, JobTime } from "@/features/jobs/job-cells";
import { useMay } from "@/features/session/api";
import { humanise } from "@/lib/format";

const route = getRouteApi("/app/jobs");
const STATUSES = ["queued", "running", "done", "failed", "cancelled", "quarantined"].map((value) => ({ value, label: humanise(value) }));

/** In words what the commonest jobs do; others go by the names that they have in the platform. */
const KINDS: Record<string, string> = {
  "compliance.export": "Write an export",
  "conversations.answer": "Answer a turn",
  "documents.ingest": "Read a document",
  "evaluation.measure": "Measure search or answers",
  "index.rebuild": "Rebuild the index",
  "tasks.run": "Carry out a task",
  "training.compare": "Answer for a blind choice",
  "training.evaluate": "Evaluate an adapter",
  "training.train": "Train an adapter",
  "works.carry_out": "Carry out a work",
};

export function JobsPage() {
  const { status } = route.useSearch();
  const navigate = route.useNavigate();
  const may = useMay();
  const jobs = useInfiniteQuery(jobsQuery({ status }));
  const rows = allRows(jobs.data);
  const cancel = useCancelJob();
  const retry = useRetryJob();
  const [asked, setAsked] = useState<Job | null>(null);

  const columns: Column<Job>[] = [
    { id: "subject", header: "Subject", inList: "title", className: "min-w-56", cell: (job) => <JobSubject job={job} /> },
    { id: "status", header: "Status", inList: "line", className: "w-64", cell: (job) => <JobState job={job} /> },
    { id: "kind", header: "Kind", className: "w-44 whitespace-nowrap", cell: (job) => KINDS[job.kind] ?? humanise(job.kind) },
    { id: "queue", header: "Queue", className: "w-28", cell: (job) => <span className="text-muted">{job.queue}</span> },
    { id: "time", header: "Time left, or ended", className: "w-40 text-right", cell: (job) => <JobTime job={job} /> },
    {
      id: "actions",
      header: "",
      inList: "corner",
      className: "w-24 text-right",
      cell: (job) => may("jobs.manage") && <JobAction job={job} onCancel={() => setAsked(job)} onRetry={() => retry.mutate(job.id)} />,
    },
  ];

  return (
    <Page
      title="Jobs"
      note="Work that goes on in the background: reading documents, running tasks, sealing records, writing exports."
      aside={
        <Select
          label="Status"
          value={status ?? ""}
          options={[{ value: "", label: "Any status" }, ...STATUSES]}
          onChange={(next) => void navigate({ search: { status: (next || undefined) as JobStatus | undefined } })}
        />
      }
    >
      {retry.error && <Failure error={retry.error} title="The job was not started again" />}
      {jobs.error && !rows ? (
        <Failure error={jobs.error} title="The jobs can't be listed" onRetry={() => void jobs.refetch()} />
      ) : rows?.length === 0 ? (
        <Empty title={status ? "No job has this status" : "No jobs yet"}>Jobs appear here when a document is uploaded or a task is started.</Empty>
      ) : (
        <DataTable label="Jobs" testId="jobs" columns={columns} rows={rows} rowKey={(job) => job.id} />
      )}
      <LoadMore query={jobs} />
      <Confirm
        open={asked !== null}
        onClose={() => setAsked(null)}
        onConfirm={() => asked && cancel.mutate(asked.id, { onSuccess: () => setAsked(null) })}
        busy={cancel.isPending}
        title={`Cancel the job on “${asked?.subject.name || asked?.subject.type || ""}”?`}
        consequence="It stops at the next safe point. What is finished is kept; the rest is not carried out."
        action="Cancel the job"
      >
        {cancel.error && <Failure error={cancel.error} title="The job was not cancelled" />}
      </Confirm>
    </Page>
  );
}

/** A task or turn that has ended stays as it ended; it is asked for anew where it was asked for. */
const STARTED_AGAIN: ReadonlySet<string> = new Set(["document", "evaluation", "export", "index"]);

function JobAction({ job, onCancel, onRetry }: { job: Job; onCancel: () => void; onRetry: () => void }) {
  const name = job.subject.name || job.kind;
  if (isMoving(job)) {
    if (job.cancel_requested) return null;
    return (
      <Button size="small" onClick={onCancel} aria-label={`Cancel the job on ${name}`}>
        Cancel
      </Button>
    );
  }
  if (job.status === "done" || !STARTED_AGAIN.has(job.subject.type)) return null;
  return (
    <Button size="small" onClick={onRetry} aria-label={`Retry the job on ${name}`}>
      Retry
    </Button>
  );
}
