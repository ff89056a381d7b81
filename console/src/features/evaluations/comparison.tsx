import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { allRows } from "@/api/pages";
import type { ChangedQuestion, Comparison, Evaluation, MeasureDifference } from "@/api/types";
import { DataTable, ROW_LINK, type Column } from "@/components/data-table";
import { Section } from "@/components/facts";
import { Failure } from "@/components/states";
import { Select } from "@/components/ui/select";
import { SkeletonLines } from "@/components/ui/skeleton";
import { comparisonQuery, evaluationsQuery, type Against } from "@/features/evaluations/api";
import { chance, isClear, MEASURES, questionText, share, signed, signedRange } from "@/features/evaluations/words";
import { formatRelative, formatNumber } from "@/lib/format";

const route = getRouteApi("/app/evaluations/$evaluationId");

/** The first configuration beside another one of the same evaluation, or beside an earlier evaluation of the set. */
export function ComparisonSection({ evaluation }: { evaluation: Evaluation }) {
  const { against } = route.useSearch();
  const navigate = route.useNavigate();
  const others = useInfiniteQuery(evaluationsQuery(evaluation.question_set.id));
  const [configuration = ""] = evaluation.configurations;
  const options = optionsOf(evaluation, allRows(others.data) ?? []);
  const chosen = options.find(({ value }) => value === against) ?? options[0];
  if (!chosen) return null;
  return (
    <Section title={`“${configuration}” compared`}>
      <div className="flex flex-wrap items-center gap-3">
        <span className="text-muted">with</span>
        <Select
          label="Compare with"
          value={chosen.value}
          options={options}
          onChange={(next) => void navigate({ search: (now) => ({ ...now, against: next }), replace: true })}
          className="max-w-full"
        />
      </div>
      <Compared evaluationId={evaluation.id} against={{ configuration, ...sideOf(chosen.value) }} />
    </Section>
  );
}

type Choice = { value: string; label: string };

/** Values are `evaluation.configuration`. */
function optionsOf(evaluation: Evaluation, all: Evaluation[]): Choice[] {
  const here = evaluation.configurations.slice(1).map((name) => ({ value: `${evaluation.id}.${name}`, label: `${name}, in this evaluation` }));
  const elsewhere = all
    .filter((one) => one.id !== evaluation.id && one.status === "completed")
    .flatMap((one) => one.configurations.map((name) => ({ value: `${one.id}.${name}`, label: `${name}, ${formatRelative(one.finished_at ?? one.created_at)}` })));
  return [...here, ...elsewhere];
}

function sideOf(value: string): Pick<Against, "againstId" | "againstConfiguration"> {
  const dot = value.indexOf(".");
  return { againstId: value.slice(0, dot), againstConfiguration: value.slice(dot + 1) };
}

function Compared({ evaluationId, against }: { evaluationId: string; against: Against }) {
  const { data, error, refetch } = useQuery(comparisonQuery(evaluationId, against));
  if (error && !data) return <Failure error={error} title="They can't be compared" onRetry={() => void refetch()} />;
  if (!data) return <SkeletonLines count={6} />;
  return (
    <div className="flex flex-col gap-6" data-testid="comparison">
      <Differences comparison={data} />
      <Changed comparison={data} evaluationId={evaluationId} />
    </div>
  );
}

type Row = MeasureDifference & { id: string; name: string };

const DIFFERENCES: Column<Row>[] = [
  { id: "measure", header: "Measure", inList: "title", cell: (row) => <span className="font-medium">{row.name}</span> },
  {
    id: "difference",
    header: "Difference",
    inList: "line",
    className: "whitespace-nowrap",
    cell: (row) => (
      <span className="tabular-nums">
        <span className="font-medium">{signed(row.mean)}</span> <span className="text-muted">({signedRange(row)})</span>
      </span>
    ),
  },
  {
    id: "chance",
    header: "By chance",
    className: "whitespace-nowrap",
    cell: (row) => (
      <span className="tabular-nums">
        {chance(row.p_value)} <span className="text-muted">{isClear(row.p_value) ? "unlikely" : "can’t be ruled out"}</span>
      </span>
    ),
  },
  {
    id: "questions",
    header: "Questions",
    className: "w-full",
    cell: (row) => `${formatNumber(row.better)} better, ${formatNumber(row.worse)} worse, ${formatNumber(row.equal)} equal`,
  },
];

function Differences({ comparison }: { comparison: Comparison }) {
  const rows = MEASURES.map(({ id, name }) => ({ ...comparison.differences[id], id, name }));
  return <DataTable label="Differences" testId="differences" columns={DIFFERENCES} rows={rows} rowKey={(row) => row.id} />;
}

function Changed({ comparison, evaluationId }: { comparison: Comparison; evaluationId: string }) {
  if (comparison.changed.length === 0) return <p className="text-muted">No question got better or worse by nDCG@10.</p>;
  const columns: Column<ChangedQuestion>[] = [
    {
      id: "question",
      header: "Questions that changed most",
      inList: "title",
      className: "w-full min-w-56",
      cell: (row) => (
        <Link
          to="/evaluations/$evaluationId/questions/$questionId"
          params={{ evaluationId, questionId: row.id }}
          search={(now) => now}
          className={`${ROW_LINK} line-clamp-2 break-words`}
        >
          {questionText(row)}
        </Link>
      ),
    },
    {
      id: "values",
      header: "nDCG@10",
      className: "text-right whitespace-nowrap",
      cell: (row) => (
        <span className="text-muted tabular-nums">
          {share(row.other.ndcg_at_10)} → {share(row.one.ndcg_at_10)}
        </span>
      ),
    },
    { id: "by", header: "By", inList: "corner", className: "text-right", cell: (row) => <span className="font-medium tabular-nums">{signed(row.difference)}</span> },
  ];
  return <DataTable label="Questions that changed most" testId="changed" columns={columns} rows={comparison.changed} rowKey={(row) => row.id} />;
}
