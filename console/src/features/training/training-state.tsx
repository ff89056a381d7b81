import { failureText } from "@/api/problem";
import type { TrainingJob } from "@/api/types";
import { Status } from "@/components/status";
import { ProgressBar } from "@/components/ui/progress";
import { isMoving } from "@/features/training/api";
import { formatDuration, formatNumber } from "@/lib/format";

/** Where it stands, with progress and time left while it runs, and the reason where it failed. */
export function TrainingState({ job }: { job: TrainingJob }) {
  const { status, progress, error } = job;
  return (
    <div className="flex max-w-80 flex-col gap-1">
      <span className="flex flex-wrap justify-between gap-x-3">
        {job.cancel_requested && isMoving(job) ? <Status value="cancelled" label="Stopping" /> : <Status value={status} />}
        {status === "running" && (
          <span className="text-[13px] whitespace-nowrap text-muted">
            {progress ? `Step ${formatNumber(progress.step)} of ${formatNumber(progress.of)}` : "Starting"}
            {progress?.seconds_left != null && `, ${formatDuration(Math.max(1, progress.seconds_left))} left`}
          </span>
        )}
      </span>
      {status === "running" && progress && <ProgressBar done={progress.step} total={progress.of} label={`Steps of ${job.name}`} />}
      {status === "failed" && error && <p className="text-[13px] break-words text-muted">{failureText(error)}</p>}
    </div>
  );
}
