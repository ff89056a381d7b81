import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { Plus } from "lucide-react";
import { useState, type FormEvent } from "react";
import { allRows } from "@/api/pages";
import type { Evaluation, SearchConfiguration } from "@/api/types";
import { Failure } from "@/components/states";
import { Button } from "@/components/ui/button";
import { Checkbox } from "@/components/ui/checkbox";
import { Field } from "@/components/ui/field";
import { Dialog } from "@/components/ui/overlay";
import { Select } from "@/components/ui/select";
import { SkeletonLines } from "@/components/ui/skeleton";
import { assistantsQuery } from "@/features/adapters/api";
import { CollectionChoice } from "@/features/documents/collection-choice";
import { collectionsQuery } from "@/features/documents/api";
import { configurationsQuery, questionSetsQuery, useCreateEvaluation } from "@/features/evaluations/api";
import { usesOf } from "@/features/evaluations/words";
import { plural } from "@/lib/format";

const FIRST = "default";
const KINDS = [
  { value: "search", label: "How well search finds" },
  { value: "strategies", label: "Ways to answer, side by side" },
];

export function NewEvaluation() {
  const [open, setOpen] = useState(false);
  return (
    <>
      <Button look="primary" onClick={() => setOpen(true)}>
        <Plus aria-hidden /> New evaluation
      </Button>
      <Dialog
        open={open}
        onClose={() => setOpen(false)}
        title="New evaluation"
        description="Every question is asked as you, over what you may read, in the background. Searches of others go on meanwhile."
      >
        <EvaluationForm />
      </Dialog>
    </>
  );
}

function EvaluationForm() {
  const sets = useInfiniteQuery(questionSetsQuery);
  const configurations = useQuery(configurationsQuery);
  const collections = useQuery(collectionsQuery);
  const navigate = useNavigate();
  const create = useCreateEvaluation();
  const rows = allRows(sets.data);
  const [chosenSet, setChosenSet] = useState("");
  const [others, setOthers] = useState<string[]>([]);
  const [within, setWithin] = useState<string[]>([]);
  const [kind, setKind] = useState<Evaluation["kind"]>("search");
  const [assistant, setAssistant] = useState("");
  const set = chosenSet || (rows?.[0]?.id ?? "");
  const toggle = (name: string) => setOthers(others.includes(name) ? others.filter((other) => other !== name) : [...others, name]);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    create.mutate(
      {
        kind,
        question_set_id: set,
        configurations: kind === "search" ? [FIRST, ...others] : [FIRST],
        strategies: [],
        assistant_id: kind === "strategies" && assistant ? assistant : null,
        collection_ids: within,
      },
      { onSuccess: ({ id }) => void navigate({ to: "/evaluations/$evaluationId", params: { evaluationId: id }, search: {} }) },
    );
  };
  if (!rows || !configurations.data) {
    const error = sets.error ?? configurations.error;
    return error ? <Failure error={error} title="The form can't be shown" /> : <SkeletonLines count={5} />;
  }
  return (
    <form onSubmit={submit} className="flex flex-col gap-5">
      {create.error && <Failure error={create.error} title="The evaluation was not started" />}
      <Field label="Question set">
        {({ id }) => (
          <Select
            id={id}
            label="Question set"
            value={set}
            options={rows.map((row) => ({ value: row.id, label: `${row.name} (${plural(row.questions, "question")})` }))}
            onChange={setChosenSet}
          />
        )}
      </Field>
      <Field label="What is measured">
        {({ id }) => <Select id={id} label="What is measured" value={kind} options={KINDS} onChange={(next) => setKind(next === "strategies" ? "strategies" : "search")} />}
      </Field>
      {kind === "search" ? <Configurations offered={configurations.data} chosen={others} onToggle={toggle} /> : <AssistantField chosen={assistant} onChange={setAssistant} />}
      <div className="flex flex-col items-start gap-1.5">
        <span className="text-[13px] font-medium">Search in</span>
        <CollectionChoice collections={collections.data ?? []} chosen={within} onChange={setWithin} />
      </div>
      <Button type="submit" look="primary" className="self-end" disabled={create.isPending || !set}>
        Start the evaluation
      </Button>
    </form>
  );
}

type ConfigurationsProps = { offered: SearchConfiguration[]; chosen: string[]; onToggle: (name: string) => void };

function Configurations({ offered, chosen, onToggle }: ConfigurationsProps) {
  return (
    <fieldset className="flex flex-col gap-2">
      <legend className="mb-1.5 text-[13px] font-medium">Search as it is, compared with</legend>
      {offered
        .filter(({ name }) => name !== FIRST)
        .map((one) => (
          <Checkbox key={one.name} checked={chosen.includes(one.name)} onChange={() => onToggle(one.name)} label={one.name} note={`Uses ${usesOf(one)}`} />
        ))}
    </fieldset>
  );
}

function AssistantField({ chosen, onChange }: { chosen: string; onChange: (id: string) => void }) {
  const { data } = useQuery(assistantsQuery);
  return (
    <Field label="Answers of" hint="Its model answers, with and without the adapter that is published for it. The questions must state their answers.">
      {({ id }) => (
        <Select
          id={id}
          label="Answers of"
          value={chosen}
          options={[{ value: "", label: "The default model" }, ...(data ?? []).map((one) => ({ value: one.id, label: one.name }))]}
          onChange={onChange}
        />
      )}
    </Field>
  );
}
