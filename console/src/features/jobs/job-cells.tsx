import { Link } from "@tanstack/react-router";
import { failureText } from "@/api/problem";
import type { Job } from "@/api/types";
import { Status } from "@/components/status";
import { Elapsed, Time } from "@/components/time";
import { ProgressBar } from "@/components/ui/progress";
import { formatDuration, formatNumber, humanise } from "@/lib/format";

/** What the job is about, leading there where there is a page for it. */
export function JobSubject({ job }: { job: Job }) {
  const { type, id, name } = job.subject;
  const text = name || humanise(type);
  const look = "font-medium break-words underline-offset-4 hover:underline";
  if (type === "document") {
    return (
      <Link to="/documents/$documentId" params={{ documentId: id }} className={look}>
        {text}
      </Link>
    );
  }
  if (type === "evaluation") {
    return (
      <Link to="/evaluations/$evaluationId" params={{ evaluationId: id }} search={{}} className={look}>
        {text}
      </Link>
    );
  }
  if (type === "task") {
    return (
      <Link to="/tasks/$taskId" params={{ taskId: id }} className={`${look} line-clamp-2`}>
        {text}
      </Link>
    );
  }
  return <span className="font-medium break-words">{text}</span>;
}

export function JobState({ job }: { job: Job }) {
  const { status, progress, error, attempt, cancel_requested } = job;
  const isFailure = status === "failed" || status === "quarantined";
  return (
    <div className="flex max-w-80 flex-col gap-1">
      <span className="flex flex-wrap justify-between gap-x-3">
        {cancel_requested && status === "running" ? <Status value="cancelled" label="Stopping" /> : <Status value={status} />}
        <span className="text-[13px] whitespace-nowrap text-muted">
          {status === "running" && progress.total > 0
            ? `${formatNumber(progress.done)} of ${formatNumber(progress.total)}`
            : attempt > 1 && `Attempt ${attempt}`}
        </span>
      </span>
      {status === "running" && progress.total > 0 && (
        <ProgressBar done={progress.done} total={progress.total} label={`Progress of ${job.subject.name || job.kind}`} />
      )}
      {isFailure && error && <p className="text-[13px] break-words text-muted">{failureText(error)}</p>}
    </div>
  );
}

export function JobTime({ job }: { job: Job }) {
  if (job.status === "queued") return <span className="text-muted">Not started</span>;
  if (job.status === "running") {
    return <span className="whitespace-nowrap">{job.eta_s === null ? <Elapsed from={job.started_at} to={null} /> : `${formatDuration(Math.max(1, job.eta_s))} left`}</span>;
  }
  if (!job.finished_at) return <span className="text-muted">–</span>;
  return <Time at={job.finished_at} />;
}
