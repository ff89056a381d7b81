import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { ArrowLeft, Trash2 } from "lucide-react";
import { useState } from "react";
import type { Adapter } from "@/api/types";
import { Copyable } from "@/components/copyable";
import { Facts } from "@/components/facts";
import { Page } from "@/components/page";
import { Failure } from "@/components/states";
import { Time } from "@/components/time";
import { Button } from "@/components/ui/button";
import { Confirm } from "@/components/ui/overlay";
import { SkeletonLines } from "@/components/ui/skeleton";
import { adapterQuery, useDeleteAdapter } from "@/features/adapters/api";
import { AdapterState } from "@/features/adapters/adapters-page";
import { AdapterEvaluations } from "@/features/adapters/evaluations";
import { EvaluateAdapter } from "@/features/adapters/evaluate-form";
import { Publications } from "@/features/adapters/publications";
import { trainingJobQuery } from "@/features/training/api";
import { gapText, RECIPES, sourcesText } from "@/features/training/words";
import { formatBytes, plural, shortHash } from "@/lib/format";

const route = getRouteApi("/app/adapters/$adapterId");

export function AdapterPage() {
  const { adapterId } = route.useParams();
  const { data, error, refetch } = useQuery(adapterQuery(adapterId));
  return (
    <Page
      title={data?.name ?? "Adapter"}
      note={
        <Link to="/adapters" search={{}} className="inline-flex items-center gap-1.5 hover:text-ink">
          <ArrowLeft aria-hidden className="size-4" /> Adapters
        </Link>
      }
      aside={data && <DeleteAdapter adapter={data} />}
      action={data && <EvaluateAdapter adapter={data} />}
    >
      {error && !data && <Failure error={error} title="The adapter can't be shown" onRetry={() => void refetch()} />}
      {!data && !error && <SkeletonLines count={9} />}
      {data && (
        <div className="flex flex-col gap-10">
          <AdapterFacts adapter={data} />
          <Publications adapter={data} />
          <AdapterEvaluations adapter={data} />
        </div>
      )}
    </Page>
  );
}

function AdapterFacts({ adapter }: { adapter: Adapter }) {
  const { data: job } = useQuery(trainingJobQuery(adapter.training_job_id));
  const { retraining } = adapter;
  return (
    <div className="grid gap-x-12 gap-y-4 lg:grid-cols-2" data-testid="adapter-facts">
      <Facts
        facts={[
          ["Evaluation", <AdapterState key="state" adapter={adapter} />],
          ["Gap", gapText(adapter.gap)],
          ["Model", adapter.model],
          ["Form", adapter.kind === "lora" ? "Low-rank pairs" : "One number a direction"],
          ["Size", formatBytes(adapter.bytes)],
          ["SHA-256", <Copyable key="digest" value={adapter.digest} what="SHA-256 of the weights" shown={shortHash(adapter.digest)} />],
        ]}
      />
      <Facts
        facts={[
          [
            "Made by",
            <Link key="job" to="/training/$jobId" params={{ jobId: adapter.training_job_id }} className="font-medium underline-offset-4 hover:underline">
              {job?.name ?? "Training job"}
            </Link>,
          ],
          ["Learnt from", job && `${RECIPES[job.recipe].name}: ${sourcesText(job)}`],
          ["Examples", job && plural(job.examples, "example")],
          ["Made", <Time key="made" at={adapter.created_at} />],
          [
            "Retraining",
            retraining && (
              <span key="retraining">
                {plural(retraining.erased, "example")} {retraining.erased === 1 ? "was" : "were"} erased <Time at={retraining.since} />. What it learnt from {retraining.erased === 1 ? "it" : "them"} stays in
                its weights until it is trained anew{adapter.published_for.length > 0 ? "; it answers on, as was decided for it" : "; it answers for nobody"}.
              </span>
            ),
          ],
        ]}
      />
    </div>
  );
}

function DeleteAdapter({ adapter }: { adapter: Adapter }) {
  const [asking, setAsking] = useState(false);
  const navigate = useNavigate();
  const remove = useDeleteAdapter(adapter.id);
  return (
    <>
      <Button onClick={() => setAsking(true)}>
        <Trash2 aria-hidden /> Delete
      </Button>
      <Confirm
        open={asking}
        onClose={() => setAsking(false)}
        onConfirm={() => remove.mutate(undefined, { onSuccess: () => void navigate({ to: "/adapters", search: {} }) })}
        busy={remove.isPending}
        title={`Delete “${adapter.name}”?`}
        consequence="Its weights are removed for good. The job, where its examples came from, and the records of what it answered stay."
        action="Delete the adapter"
      >
        {remove.error && <Failure error={remove.error} title="The adapter was not deleted" />}
      </Confirm>
    </>
  );
}
