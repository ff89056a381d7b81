import { useInfiniteQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { allRows } from "@/api/pages";
import { LoadMore } from "@/components/load-more";
import { Page } from "@/components/page";
import { Empty, Failure } from "@/components/states";
import { Tabs } from "@/components/ui/tabs";
import { evaluationsQuery, questionSetsQuery } from "@/features/evaluations/api";
import { EvaluationTable } from "@/features/evaluations/evaluation-table";
import { NewEvaluation } from "@/features/evaluations/new-evaluation";
import { NewQuestionSet } from "@/features/evaluations/new-question-set";
import { QuestionSetTable } from "@/features/evaluations/question-set-table";

const route = getRouteApi("/app/evaluations");

export function EvaluationsPage() {
  const { tab } = route.useSearch();
  const navigate = route.useNavigate();
  const show = (next: "sets" | undefined) => void navigate({ search: { tab: next }, replace: true });
  const sets = useInfiniteQuery(questionSetsQuery);
  const hasSets = allRows(sets.data)?.length !== 0;
  return (
    <Page
      title="Evaluations"
      note="How well search finds, and each way to answer answers, what questions with known answers need in your own documents."
      action={tab === "sets" || !hasSets ? <NewQuestionSet onCreated={() => show("sets")} /> : <NewEvaluation />}
    >
      <Tabs
        label="Evaluations and their questions"
        value={tab ?? "evaluations"}
        onChange={(next) => show(next === "sets" ? "sets" : undefined)}
        tabs={[
          { value: "evaluations", label: "Evaluations", content: <Evaluations hasSets={hasSets} /> },
          { value: "sets", label: "Question sets", content: <QuestionSets /> },
        ]}
      />
    </Page>
  );
}

function Evaluations({ hasSets }: { hasSets: boolean }) {
  const evaluations = useInfiniteQuery(evaluationsQuery());
  const rows = allRows(evaluations.data);
  return (
    <div className="flex flex-col gap-6">
      {evaluations.error && !rows ? (
        <Failure error={evaluations.error} title="The evaluations can't be listed" onRetry={() => void evaluations.refetch()} />
      ) : rows?.length === 0 ? (
        <Empty title="No evaluations yet">
          {hasSets
            ? "Start one: every question is asked as you, over what you may read, and measured by the documents that it needs."
            : "First upload questions and the documents that answer them; then measure how well search finds these."}
        </Empty>
      ) : (
        <EvaluationTable rows={rows} />
      )}
      <LoadMore query={evaluations} />
    </div>
  );
}

function QuestionSets() {
  const sets = useInfiniteQuery(questionSetsQuery);
  const rows = allRows(sets.data);
  return (
    <div className="flex flex-col gap-6">
      {sets.error && !rows ? (
        <Failure error={sets.error} title="The question sets can't be listed" onRetry={() => void sets.refetch()} />
      ) : rows?.length === 0 ? (
        <Empty title="No question sets yet">
          A set holds questions and, for each, the documents that answer it. It is yours alone.
        </Empty>
      ) : (
        <QuestionSetTable rows={rows} />
      )}
      <LoadMore query={sets} />
    </div>
  );
}
