import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { Plus } from "lucide-react";
import { useState, type FormEvent } from "react";
import type { TrainingRequest } from "@/api/types";
import { Failure } from "@/components/states";
import { Button } from "@/components/ui/button";
import { Checkbox } from "@/components/ui/checkbox";
import { Field, Input } from "@/components/ui/field";
import { Dialog } from "@/components/ui/overlay";
import { Select } from "@/components/ui/select";
import { collectionsQuery } from "@/features/documents/api";
import { useStartTraining } from "@/features/training/api";
import { RECIPES } from "@/features/training/words";

type Recipe = TrainingRequest["recipe"];

export function NewTraining() {
  const [open, setOpen] = useState(false);
  return (
    <>
      <Button look="primary" onClick={() => setOpen(true)}>
        <Plus aria-hidden /> New training job
      </Button>
      <Dialog
        open={open}
        onClose={() => setOpen(false)}
        title="New training job"
        description="What it learns stays in this organisation. Where each example comes from is kept, so that it can be forgotten."
      >
        <TrainingForm />
      </Dialog>
    </>
  );
}

function TrainingForm() {
  const [name, setName] = useState("");
  const [recipe, setRecipe] = useState<Recipe>("sft");
  const [collectionId, setCollection] = useState("");
  const [feedback, setFeedback] = useState(false);
  const [comparisons, setComparisons] = useState(false);
  const [file, setFile] = useState<File | null>(null);
  const [steps, setSteps] = useState("200");
  const [minutes, setMinutes] = useState("30");
  const navigate = useNavigate();
  const collections = useQuery(collectionsQuery);
  const start = useStartTraining();
  const hasSource = feedback || comparisons || file !== null || (recipe !== "dpo" && collectionId !== "");
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const learn = { kind: recipe === "svf" ? ("svf" as const) : ("lora" as const), rank: 8, rank_stabilised: false };
    const body = { name: name.trim(), recipe, learn, feedback, comparisons, steps: Number(steps), budget: { minutes: Number(minutes) } } as TrainingRequest;
    start.mutate(
      { body, collectionId: recipe === "dpo" ? "" : collectionId, file },
      { onSuccess: ({ id }) => void navigate({ to: "/training/$jobId", params: { jobId: id } }) },
    );
  };
  return (
    <form onSubmit={submit} className="flex flex-col gap-4">
      {start.error && <Failure error={start.error} title="The job was not started" />}
      <Field label="Name">{(control) => <Input {...control} value={name} onChange={(event) => setName(event.target.value)} maxLength={200} required />}</Field>
      <Field label="Learns from" hint={RECIPES[recipe].means}>
        {({ id }) => (
          <Select
            id={id}
            label="Learns from"
            value={recipe}
            options={Object.entries(RECIPES).map(([value, { name: label }]) => ({ value, label }))}
            onChange={(next) => setRecipe(next as Recipe)}
          />
        )}
      </Field>
      {recipe !== "dpo" && (
        <Field label="Documents of a collection">
          {({ id }) => (
            <Select
              id={id}
              label="Documents of a collection"
              value={collectionId}
              options={[{ value: "", label: "None" }, ...(collections.data ?? []).map((one) => ({ value: one.id, label: one.name }))]}
              onChange={setCollection}
            />
          )}
        </Field>
      )}
      <fieldset className="flex flex-col gap-2">
        <legend className="mb-1.5 text-[13px] font-medium">What people said</legend>
        <Checkbox checked={feedback} onChange={setFeedback} label="Judged answers" note="Thumbs and corrections in chats" />
        <Checkbox checked={comparisons} onChange={setComparisons} label="Blind choices" note="The better of two answers, chosen without their origin" />
      </fieldset>
      <Field label="Examples of your own" hint="Lines of JSON: messages, the last one the answer; or messages, chosen and rejected; or text">
        {(control) => (
          <Input {...control} type="file" className="py-1.5 file:mr-3 file:font-medium" onChange={(event) => setFile(event.target.files?.[0] ?? null)} />
        )}
      </Field>
      <div className="grid grid-cols-2 gap-4">
        <Field label="Steps, at most">
          {(control) => <Input {...control} type="number" min={1} max={100000} value={steps} onChange={(event) => setSteps(event.target.value)} required />}
        </Field>
        <Field label="Minutes, at most">
          {(control) => <Input {...control} type="number" min={1} max={10080} value={minutes} onChange={(event) => setMinutes(event.target.value)} required />}
        </Field>
      </div>
      <Button type="submit" look="primary" className="self-end" disabled={start.isPending || !name.trim() || !hasSource}>
        {start.isPending ? "Starting…" : "Start the job"}
      </Button>
    </form>
  );
}
