import { Plus } from "lucide-react";
import { useState, type FormEvent } from "react";
import { fieldMessage, problemOf } from "@/api/problem";
import { Failure } from "@/components/states";
import { Button } from "@/components/ui/button";
import { Field, Input, Textarea } from "@/components/ui/field";
import { Dialog } from "@/components/ui/overlay";
import { Tabs } from "@/components/ui/tabs";
import { useCreateQuestionSet } from "@/features/evaluations/api";
import { readPasted } from "@/features/evaluations/pasted";

type Way = "paste" | "files";

export function NewQuestionSet({ onCreated }: { onCreated: () => void }) {
  const [open, setOpen] = useState(false);
  return (
    <>
      <Button look="primary" onClick={() => setOpen(true)}>
        <Plus aria-hidden /> New question set
      </Button>
      <Dialog
        open={open}
        onClose={() => setOpen(false)}
        title="New question set"
        description="Questions and, for each, the documents that answer it. They are yours alone."
      >
        <SetForm
          onDone={() => {
            setOpen(false);
            onCreated();
          }}
        />
      </Dialog>
    </>
  );
}

function SetForm({ onDone }: { onDone: () => void }) {
  const [name, setName] = useState("");
  const [way, setWay] = useState<Way>("paste");
  const [text, setText] = useState("");
  const [queries, setQueries] = useState<File | null>(null);
  const [qrels, setQrels] = useState<File | null>(null);
  const [wrong, setWrong] = useState<string>();
  const create = useCreateQuestionSet();
  const problem = create.error ? problemOf(create.error) : null;
  const isWhole = name.trim() !== "" && (way === "paste" ? text.trim() !== "" : queries !== null && qrels !== null);

  const submit = (event: FormEvent) => {
    event.preventDefault();
    setWrong(undefined);
    if (way === "files") {
      if (queries && qrels) create.mutate({ name, queries, qrels }, { onSuccess: onDone });
      return;
    }
    const read = readPasted(text);
    if ("problem" in read) setWrong(`Line ${read.line} ${read.problem}.`);
    else create.mutate({ name, queries: new Blob([read.queries]), qrels: new Blob([read.qrels]) }, { onSuccess: onDone });
  };

  return (
    <form onSubmit={submit} className="flex flex-col gap-4">
      {problem && <Failure error={create.error} title="The set was not made" kept={problem.errors?.map(({ detail }) => detail).join(" ") ?? ""} />}
      <Field label="Name" error={fieldMessage(problem, "name")}>
        {(control) => <Input {...control} value={name} onChange={(event) => setName(event.target.value)} maxLength={200} required />}
      </Field>
      <Tabs
        label="Where the questions come from"
        value={way}
        onChange={(next) => setWay(next === "files" ? "files" : "paste")}
        tabs={[
          { value: "paste", label: "From a spreadsheet", content: <PasteField text={text} onChange={setText} wrong={wrong} /> },
          {
            value: "files",
            label: "BEIR files",
            content: (
              <div className="flex flex-col gap-4">
                <FileField label="Questions (queries.jsonl)" hint="Lines of JSON with _id and text; with answers, too, to measure ways to answer" onChange={setQueries} error={fieldMessage(problem, "queries")} />
                <FileField
                  label="Judgements (qrels, .tsv)"
                  hint="Lines of query-id, corpus-id and score; the corpus-id is the name of a document’s file, or its id"
                  onChange={setQrels}
                  error={fieldMessage(problem, "qrels")}
                />
              </div>
            ),
          },
        ]}
      />
      <Button type="submit" look="primary" className="self-end" disabled={create.isPending || !isWhole}>
        {create.isPending ? "Making the set…" : "Make the set"}
      </Button>
    </form>
  );
}

function PasteField({ text, onChange, wrong }: { text: string; onChange: (text: string) => void; wrong: string | undefined }) {
  return (
    <Field label="Questions and documents" hint="A question, the name of a file that answers it and, to measure ways to answer, the answer. With several files or answers it comes on several lines; without a file it must not be answered." error={wrong}>
      {(control) => (
        <Textarea
          {...control}
          value={text}
          onChange={(event) => onChange(event.target.value)}
          placeholder={"How many days may be carried over?\tannual-leave.md\tfive days"}
          className="min-h-40 text-[13px]"
          spellCheck={false}
        />
      )}
    </Field>
  );
}

type FileFieldProps = { label: string; hint: string; error: string | undefined; onChange: (file: File | null) => void };

function FileField({ label, hint, error, onChange }: FileFieldProps) {
  return (
    <Field label={label} hint={hint} error={error}>
      {(control) => (
        <Input {...control} type="file" className="py-1.5 file:mr-3 file:font-medium" onChange={(event) => onChange(event.target.files?.[0] ?? null)} />
      )}
    </Field>
  );
}
