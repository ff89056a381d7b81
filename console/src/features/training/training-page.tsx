import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { allRows } from "@/api/pages";
import type { TrainingJob } from "@/api/types";
import { DataTable, ROW_LINK, type Column } from "@/components/data-table";
import { LoadMore } from "@/components/load-more";
import { Page } from "@/components/page";
import { Empty, Failure } from "@/components/states";
import { Time } from "@/components/time";
import { trainingJobsQuery } from "@/features/training/api";
import { NewTraining } from "@/features/training/new-training";
import { TrainingState } from "@/features/training/training-state";
import { gapText, nats, RECIPES } from "@/features/training/words";

const COLUMNS: Column<TrainingJob>[] = [
  {
    id: "name",
    header: "Job",
    inList: "title",
    className: "w-full min-w-48",
    cell: (job) => (
      <Link to="/training/$jobId" params={{ jobId: job.id }} className={`${ROW_LINK} break-words`}>
        {job.name}
      </Link>
    ),
  },
  { id: "recipe", header: "Learns from", className: "whitespace-nowrap", cell: (job) => RECIPES[job.recipe].name },
  { id: "status", header: "Status", inList: "line", className: "min-w-56", cell: (job) => <TrainingState job={job} /> },
  {
    id: "loss",
    header: "Held-out loss",
    listLabel: "Held-out loss",
    className: "text-right whitespace-nowrap tabular-nums",
    cell: (job) => nats(job.result?.held_out_loss ?? job.progress?.held_out_loss),
  },
  {
    id: "gap",
    header: "Gap",
    listLabel: "Gap",
    className: "text-right whitespace-nowrap tabular-nums",
    cell: (job) => gapText(job.result?.gap ?? job.progress?.gap)?.replace(" nats a token", "") ?? <span className="text-muted">–</span>,
  },
  { id: "created", header: "Started", className: "w-36 text-right", cell: (job) => <Time at={job.created_at} /> },
];

export function TrainingPage() {
  const jobs = useInfiniteQuery(trainingJobsQuery);
  const rows = allRows(jobs.data);
  return (
    <Page
      title="Training"
      note="Adapters of the chat model, learnt from your own documents and judgements. An adapter answers nobody before an evaluation that it passes."
      action={<NewTraining />}
    >
      {jobs.error && !rows ? (
        <Failure error={jobs.error} title="The training jobs can't be listed" onRetry={() => void jobs.refetch()} />
      ) : rows?.length === 0 ? (
        <Empty title="No training jobs yet">Start one with documents, with answers that people judged, or with examples of your own. It works in the background within a budget.</Empty>
      ) : (
        <DataTable label="Training jobs" testId="training-jobs" columns={COLUMNS} rows={rows} rowKey={(job) => job.id} />
      )}
      <LoadMore query={jobs} />
    </Page>
  );
}
