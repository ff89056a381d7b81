import { useInfiniteQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { allRows } from "@/api/pages";
import type { EvaluatedQuestion, Evaluation } from "@/api/types";
import { DataTable, ROW_LINK, type Column } from "@/components/data-table";
import { LoadMore } from "@/components/load-more";
import { Failure } from "@/components/states";
import { Button } from "@/components/ui/button";
import { Select } from "@/components/ui/select";
import { isMoving, questionsQuery, type QuestionOrder } from "@/features/evaluations/api";
import { questionText, share } from "@/features/evaluations/words";
import { formatNumber } from "@/lib/format";

const route = getRouteApi("/app/evaluations/$evaluationId");
const ORDERS = [
  { value: "worst", label: "Worst first" },
  { value: "asked", label: "As they were asked" },
];

/** What every question came to. Looking at them is on record, so they aren't fetched again by themselves. */
export function QuestionList({ evaluation }: { evaluation: Evaluation }) {
  const { order = "worst" } = route.useSearch();
  const navigate = route.useNavigate();
  const questions = useInfiniteQuery(questionsQuery(evaluation.id, order, isMoving(evaluation)));
  const rows = allRows(questions.data);
  return (
    <section className="flex flex-col gap-3" aria-label="Questions">
      <div className="flex flex-wrap items-center justify-between gap-3">
        <h2 className="font-semibold">Questions</h2>
        <div className="flex flex-wrap gap-3">
          {isMoving(evaluation) && (
            <Button size="small" className="h-9" onClick={() => void questions.refetch()} disabled={questions.isFetching}>
              Show those measured by now
            </Button>
          )}
          <Select
            label="Order of the questions"
            value={order}
            options={ORDERS}
            onChange={(next) => void navigate({ search: (now) => ({ ...now, order: next as QuestionOrder }), replace: true })}
          />
        </div>
      </div>
      {questions.error && !rows ? (
        <Failure error={questions.error} title="The questions can't be listed" onRetry={() => void questions.refetch()} />
      ) : (
        <DataTable label="Questions" testId="evaluated-questions" columns={columnsOf(evaluation)} rows={rows} rowKey={(row) => row.id} />
      )}
      <LoadMore query={questions} />
    </section>
  );
}

function columnsOf({ id, configurations }: Evaluation): Column<EvaluatedQuestion>[] {
  return [
    {
      id: "question",
      header: "Question",
      inList: "title",
      className: "w-full min-w-56",
      cell: (row) => (
        <Link
          to="/evaluations/$evaluationId/questions/$questionId"
          params={{ evaluationId: id, questionId: row.id }}
          search={(now) => now}
          className={`${ROW_LINK} line-clamp-2 break-words`}
        >
          {questionText(row)}
        </Link>
      ),
    },
    {
      id: "required",
      header: "Required",
      listLabel: "Required",
      className: "text-right whitespace-nowrap",
      cell: (row) => (
        <span>
          {formatNumber(row.required)}
          {row.out_of_reach > 0 && <span className="text-muted"> ({formatNumber(row.out_of_reach)} out of reach)</span>}
        </span>
      ),
    },
    ...configurations.map((name) => ({
      id: `score-${name}`,
      header: configurations.length === 1 ? "nDCG@10" : name,
      listLabel: name,
      className: "text-right whitespace-nowrap",
      cell: (row: EvaluatedQuestion) => <Score question={row} configuration={name} />,
    })),
  ];
}

function Score({ question, configuration }: { question: EvaluatedQuestion; configuration: string }) {
  const score = question.scores.find((one) => one.configuration === configuration);
  return (
    <span className="tabular-nums">{score ? share(score.ndcg_at_10) : "–"}</span>
  );
}
