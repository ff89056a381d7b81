import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { ArrowLeft } from "lucide-react";
import type { TrainingJob } from "@/api/types";
import { Facts, Section } from "@/components/facts";
import { Page } from "@/components/page";
import { Empty, Failure } from "@/components/states";
import { Time } from "@/components/time";
import { Button } from "@/components/ui/button";
import { SkeletonLines } from "@/components/ui/skeleton";
import { isMoving, metricsQuery, trainingJobQuery, useCancelTraining, useResumeTraining } from "@/features/training/api";
import { ExampleList } from "@/features/training/example-list";
import { LossChart } from "@/features/training/loss-chart";
import { TrainingState } from "@/features/training/training-state";
import { budgetText, ENDED, examplesText, gapText, nats, RECIPES, sourcesText } from "@/features/training/words";
import { formatDuration, formatNumber } from "@/lib/format";

const route = getRouteApi("/app/training/$jobId");

export function TrainingJobPage() {
  const { jobId } = route.useParams();
  const { data, error, refetch } = useQuery(trainingJobQuery(jobId));
  return (
    <Page
      title={data?.name ?? "Training job"}
      note={
        <Link to="/training" className="inline-flex items-center gap-1.5 hover:text-ink">
          <ArrowLeft aria-hidden className="size-4" /> Training
        </Link>
      }
      action={data && <JobActions job={data} />}
    >
      {error && !data && <Failure error={error} title="The training job can't be shown" onRetry={() => void refetch()} />}
      {!data && !error && <SkeletonLines count={9} />}
      {data && <Whole key={jobId} job={data} />}
    </Page>
  );
}

function JobActions({ job }: { job: TrainingJob }) {
  const cancel = useCancelTraining(job.id);
  const resume = useResumeTraining(job.id);
  if (isMoving(job)) {
    return (
      <Button onClick={() => cancel.mutate()} disabled={cancel.isPending || job.cancel_requested}>
        {job.cancel_requested ? "Stopping…" : "Cancel the job"}
      </Button>
    );
  }
  if (job.status === "cancelled" || job.status === "failed") {
    return (
      <Button look="primary" onClick={() => resume.mutate()} disabled={resume.isPending}>
        Resume the job
      </Button>
    );
  }
  if (!job.adapter_id) return null;
  return (
    <Button look="primary" asChild>
      <Link to="/adapters/$adapterId" params={{ adapterId: job.adapter_id }}>
        See the adapter
      </Link>
    </Button>
  );
}

function Whole({ job }: { job: TrainingJob }) {
  return (
    <div className="flex flex-col gap-10">
      <JobFacts job={job} />
      <Section title="Loss" note="In nats a token, from 0. Where the held-out line leaves the other, it learns by heart.">
        <Curves job={job} />
      </Section>
      <Section title="Examples" note="Where each comes from; their words are not shown here.">
        <ExampleList jobId={job.id} />
      </Section>
    </div>
  );
}

function Curves({ job }: { job: TrainingJob }) {
  const { data, error, refetch } = useQuery(metricsQuery(job.id, isMoving(job)));
  if (error && !data) return <Failure error={error} title="The losses can't be shown" onRetry={() => void refetch()} />;
  if (!data) return <SkeletonLines count={5} />;
  if (data.length === 0) return <Empty title="No step yet">{isMoving(job) ? "Losses appear here as soon as the first steps are taken." : "It ended before its first step."}</Empty>;
  return <LossChart metrics={data} of={job.status === "completed" ? 0 : job.steps} />;
}

function JobFacts({ job }: { job: TrainingJob }) {
  const { progress, result } = job;
  const speed = progress?.tokens_per_second;
  return (
    <div className="grid gap-x-12 gap-y-4 lg:grid-cols-2" data-testid="training-facts">
      <Facts
        facts={[
          ["Status", <TrainingState key="status" job={job} />],
          ["Ended", result && ENDED[result.ended_by]],
          ["Held-out loss", result && `${nats(result.first_held_out_loss)} before, ${nats(result.held_out_loss)} after`],
          ["Gap", gapText(result?.gap ?? progress?.gap)],
          ["Worked", job.seconds_used > 0 ? formatDuration(job.seconds_used) : null],
          ["Tokens", progress && `${formatNumber(progress.tokens)}${speed ? `, ${formatNumber(Math.round(speed))} a second` : ""}`],
          ["Asked", <Time key="asked" at={job.created_at} />],
        ]}
      />
      <Facts
        facts={[
          ["Learns from", `${RECIPES[job.recipe].name}: ${sourcesText(job)}`],
          ["Examples", examplesText(job)],
          ["Model", job.model],
          ["Learns", job.learn.kind === "lora" ? `Low-rank pairs, rank ${job.learn.rank}` : "One number a direction"],
          ["Steps", formatNumber(job.steps)],
          ["Budget", budgetText(job.budget)],
        ]}
      />
    </div>
  );
}
