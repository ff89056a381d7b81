import { useState, type FormEvent } from "react";
import type { Adapter } from "@/api/types";
import { Failure } from "@/components/states";
import { Button } from "@/components/ui/button";
import { Field, Textarea } from "@/components/ui/field";
import { Dialog } from "@/components/ui/overlay";
import { useEvaluateAdapter } from "@/features/adapters/api";
import { readQuestions } from "@/features/adapters/words";

export function EvaluateAdapter({ adapter }: { adapter: Adapter }) {
  const [open, setOpen] = useState(false);
  return (
    <>
      <Button look="primary" onClick={() => setOpen(true)}>
        Evaluate
      </Button>
      <Dialog
        open={open}
        onClose={() => setOpen(false)}
        title={`Evaluate “${adapter.name}”`}
        description="The model answers the same questions with and without it. What learnt by heart, or answers worse, is refused."
      >
        <EvaluateForm adapter={adapter} onDone={() => setOpen(false)} />
      </Dialog>
    </>
  );
}

function EvaluateForm({ adapter, onDone }: { adapter: Adapter; onDone: () => void }) {
  const [text, setText] = useState("");
  const [wrong, setWrong] = useState<string>();
  const evaluate = useEvaluateAdapter(adapter.id);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const read = readQuestions(text);
    if ("line" in read) setWrong(`Line ${read.line} needs a question, a tab and its answer.`);
    else evaluate.mutate(read, { onSuccess: onDone });
  };
  return (
    <form onSubmit={submit} className="flex flex-col gap-4">
      {evaluate.error && <Failure error={evaluate.error} title="The evaluation was not started" />}
      <Field label="Questions and answers" hint="Two columns, five rows or more. Left empty, the examples that its job held out are asked." error={wrong}>
        {(control) => (
          <Textarea
            {...control}
            value={text}
            onChange={(event) => {
              setText(event.target.value);
              setWrong(undefined);
            }}
            placeholder={"How many days may be carried over?\tfive days"}
            className="min-h-40 text-[13px]"
            spellCheck={false}
          />
        )}
      </Field>
      <Button type="submit" look="primary" className="self-end" disabled={evaluate.isPending}>
        Start the evaluation
      </Button>
    </form>
  );
}
