import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link, Outlet } from "@tanstack/react-router";
import { ArrowLeft } from "lucide-react";
import type { Collection, Evaluation } from "@/api/types";
import { Facts, Section } from "@/components/facts";
import { Page } from "@/components/page";
import { Empty, Failure } from "@/components/states";
import { Elapsed, Time } from "@/components/time";
import { Button } from "@/components/ui/button";
import { SkeletonLines } from "@/components/ui/skeleton";
import { collectionsQuery } from "@/features/documents/api";
import { evaluationQuery, isMoving, useCancelEvaluation } from "@/features/evaluations/api";
import { ComparisonSection } from "@/features/evaluations/comparison";
import { EvaluationState } from "@/features/evaluations/evaluation-table";
import { QuestionList } from "@/features/evaluations/question-list";
import { ResultTable } from "@/features/evaluations/result-table";
import { StrategyTable } from "@/features/evaluations/strategy-table";
import { adapterText, waysOf } from "@/features/evaluations/strategy-words";
import { formatNumber, plural } from "@/lib/format";

const route = getRouteApi("/app/evaluations/$evaluationId");

export function EvaluationPage() {
  const { evaluationId } = route.useParams();
  const { data, error, refetch } = useQuery(evaluationQuery(evaluationId));
  return (
    <Page
      title={data?.question_set.name ?? "Evaluation"}
      note={
        <Link to="/evaluations" search={{}} className="inline-flex items-center gap-1.5 hover:text-ink">
          <ArrowLeft aria-hidden className="size-4" /> Evaluations
        </Link>
      }
      action={data && isMoving(data) && <Cancel evaluation={data} />}
    >
      {error && !data && <Failure error={error} title="The evaluation can't be shown" onRetry={() => void refetch()} />}
      {!data && !error && <SkeletonLines count={9} />}
      {data && <Whole key={evaluationId} evaluation={data} />}
      <Outlet />
    </Page>
  );
}

function Cancel({ evaluation }: { evaluation: Evaluation }) {
  const cancel = useCancelEvaluation(evaluation.id);
  return (
    <Button onClick={() => cancel.mutate()} disabled={cancel.isPending || evaluation.cancel_requested}>
      {evaluation.cancel_requested ? "Stopping…" : "Cancel the evaluation"}
    </Button>
  );
}

function Whole({ evaluation }: { evaluation: Evaluation }) {
  const { result, status } = evaluation;
  const hasScores = evaluation.progress.done > 0;
  return (
    <div className="flex flex-col gap-10">
      <EvaluationFacts evaluation={evaluation} />
      {result && (
        <Section title="Result" note="Means over the questions; in brackets where each lies with 95 % confidence.">
          <ResultTable result={result} />
        </Section>
      )}
      {evaluation.strategies && (
        <Section title="Ways to answer" note="Of the same questions; in brackets where a mean lies with 95 % confidence.">
          <StrategyTable result={evaluation.strategies} />
        </Section>
      )}
      {result && <ComparisonSection evaluation={evaluation} />}
      {hasScores && evaluation.kind === "search" && <QuestionList evaluation={evaluation} />}
      {!hasScores && status === "cancelled" && <Empty title="Nothing was measured">It was cancelled before its first question.</Empty>}
    </div>
  );
}

function EvaluationFacts({ evaluation }: { evaluation: Evaluation }) {
  const { data } = useQuery(collectionsQuery);
  const { result, collection_ids, question_set, created_at, started_at, finished_at } = evaluation;
  return (
    <div className="grid gap-x-12 gap-y-4 lg:grid-cols-2" data-testid="evaluation-facts">
      <Facts
        facts={[
          ["Status", <EvaluationState key="status" evaluation={evaluation} />],
          ["Asked", <Time key="asked" at={created_at} />],
          ["Took", started_at && <Elapsed key="took" from={started_at} to={finished_at} />],
          [evaluation.kind === "search" ? "Configurations" : "Ways to answer", waysOf(evaluation).join(", ")],
          ["Adapter", evaluation.strategies && adapterText(evaluation.strategies.adapter)],
          ["Searched in", collection_ids.length === 0 ? "All that you may read" : namesOf(collection_ids, data)],
        ]}
      />
      <Facts
        facts={[
          ["Questions", `${formatNumber(evaluation.progress.total)}${question_set.deleted ? ", of a set that was deleted since" : ""}`],
          ["Left out", evaluation.strategies?.without_answers ? `${plural(evaluation.strategies.without_answers, "question")} without a stated answer` : null],
          ["In reach", result && plural(result.documents, "document")],
          ["Required", result && `${plural(result.required, "document")}${missing(result.out_of_reach)}`],
          ["Index", result?.index_moved ? "Documents came or went meanwhile: a later evaluation may differ" : null],
        ]}
      />
    </div>
  );
}

function namesOf(ids: string[], collections: Collection[] | undefined): string {
  return ids.map((id) => collections?.find((one) => one.id === id)?.name ?? "a collection that you can’t read").join(", ");
}

function missing(count: number): string {
  return count === 0 ? ", all of them in reach" : `; ${formatNumber(count)} of them not there, not ready or not for you: these count as not found`;
}
