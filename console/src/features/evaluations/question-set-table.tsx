import { useState } from "react";
import type { QuestionSet } from "@/api/types";
import { DataTable, type Column } from "@/components/data-table";
import { Failure } from "@/components/states";
import { Time } from "@/components/time";
import { Button } from "@/components/ui/button";
import { Confirm } from "@/components/ui/overlay";
import { useDeleteQuestionSet } from "@/features/evaluations/api";
import { formatNumber, plural } from "@/lib/format";

export function QuestionSetTable({ rows }: { rows: QuestionSet[] | undefined }) {
  const [asked, setAsked] = useState<QuestionSet | null>(null);
  const remove = useDeleteQuestionSet();
  const close = () => {
    remove.reset();
    setAsked(null);
  };
  const columns: Column<QuestionSet>[] = [
    { id: "name", header: "Name", inList: "title", className: "w-full min-w-56", cell: (row) => <span className="font-medium break-words">{row.name}</span> },
    { id: "questions", header: "Questions", className: "text-right whitespace-nowrap", cell: (row) => <Count set={row} /> },
    { id: "created", header: "Added", className: "w-36 text-right", cell: (row) => <Time at={row.created_at} /> },
    {
      id: "delete",
      header: "",
      inList: "corner",
      className: "w-24 text-right",
      cell: (row) => (
        <Button size="small" onClick={() => setAsked(row)} aria-label={`Delete ${row.name}`}>
          Delete
        </Button>
      ),
    },
  ];
  return (
    <>
      <DataTable label="Question sets" testId="question-sets" columns={columns} rows={rows} rowKey={(row) => row.id} />
      <Confirm
        open={asked !== null}
        onClose={close}
        onConfirm={() => asked && remove.mutate(asked.id, { onSuccess: close })}
        busy={remove.isPending}
        title={`Delete “${asked?.name ?? ""}”?`}
        consequence={`The words of its ${plural(asked?.questions ?? 0, "question")} are removed for good. What was measured with it stays, without them.`}
        action="Delete the set"
      >
        {remove.error && <Failure error={remove.error} title="The set was not deleted" />}
      </Confirm>
    </>
  );
}

function Count({ set }: { set: QuestionSet }) {
  return (
    <span>
      {formatNumber(set.questions)} <span className="md:hidden">{set.questions === 1 ? "question" : "questions"}</span>
      {set.left_out > 0 && <span className="text-muted"> ({formatNumber(set.left_out)} left out)</span>}
    </span>
  );
}
