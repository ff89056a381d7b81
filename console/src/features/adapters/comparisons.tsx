import { useInfiniteQuery } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import { allRows } from "@/api/pages";
import { failureText } from "@/api/problem";
import type { Adapter, BlindComparison } from "@/api/types";
import { LoadMore } from "@/components/load-more";
import { Empty, Failure } from "@/components/states";
import { Status } from "@/components/status";
import { Time } from "@/components/time";
import { Button } from "@/components/ui/button";
import { Field, Textarea } from "@/components/ui/field";
import { Select } from "@/components/ui/select";
import { SkeletonLines } from "@/components/ui/skeleton";
import { adaptersQuery, comparisonsQuery, useChoose, useCompare, type Choice } from "@/features/adapters/api";

const CHOICES: { value: Choice; label: string }[] = [
  { value: "a", label: "A is better" },
  { value: "b", label: "B is better" },
  { value: "tie", label: "As good" },
  { value: "neither", label: "Neither" },
];

/** Two answers to one prompt, without their origin until one is chosen. Choices can be learnt from. */
export function Comparisons() {
  const comparisons = useInfiniteQuery(comparisonsQuery);
  const adapters = allRows(useInfiniteQuery(adaptersQuery).data) ?? [];
  const rows = allRows(comparisons.data);
  return (
    <div className="flex flex-col gap-8">
      {adapters.length > 0 && <CompareForm adapters={adapters} />}
      {comparisons.error && !rows && <Failure error={comparisons.error} title="The choices can't be listed" onRetry={() => void comparisons.refetch()} />}
      {!rows && !comparisons.error && <SkeletonLines count={4} />}
      {rows?.length === 0 && <Empty title="No blind choices yet">Ask something: the model answers with and without an adapter, and you choose without knowing which is which.</Empty>}
      {rows?.map((row) => (
        <Compared key={row.id} comparison={row} adapters={adapters} />
      ))}
      <LoadMore query={comparisons} />
    </div>
  );
}

function CompareForm({ adapters }: { adapters: Adapter[] }) {
  const [prompt, setPrompt] = useState("");
  const [chosen, setChosen] = useState("");
  const compare = useCompare();
  const adapter = chosen || (adapters[0]?.id ?? "");
  const submit = (event: FormEvent) => {
    event.preventDefault();
    compare.mutate({ prompt: prompt.trim(), adapter_id: adapter }, { onSuccess: () => setPrompt("") });
  };
  return (
    <form onSubmit={submit} className="flex max-w-[720px] flex-col gap-3">
      {compare.error && <Failure error={compare.error} title="The question was not asked" />}
      <Field label="Ask both">{(control) => <Textarea {...control} value={prompt} onChange={(event) => setPrompt(event.target.value)} maxLength={20_000} />}</Field>
      <div className="flex flex-wrap items-center gap-3">
        <Select label="Adapter" value={adapter} options={adapters.map(({ id, name }) => ({ value: id, label: `${name} against none` }))} onChange={setChosen} className="max-w-full" />
        <Button type="submit" disabled={compare.isPending || !prompt.trim()}>
          Ask
        </Button>
      </div>
    </form>
  );
}

function Compared({ comparison, adapters }: { comparison: BlindComparison; adapters: Adapter[] }) {
  const { prompt, a, b, status, sides, error } = comparison;
  const choose = useChoose(comparison.id);
  const name = (id: string | null | undefined) => (id ? (adapters.find((one) => one.id === id)?.name ?? "An adapter") : "Without adapter");
  return (
    <article className="flex flex-col gap-3 border-t pt-4">
      <header className="flex flex-wrap justify-between gap-x-4">
        <h3 className="min-w-0 font-medium break-words">{prompt ?? "A prompt that was erased"}</h3>
        <span className="text-muted">
          <Time at={comparison.created_at} />
        </span>
      </header>
      {status === "queued" && <Status value="running" label="Both are answering" />}
      {status === "failed" && <Status value="failed" label={error ? failureText(error) : "It failed"} />}
      {(a !== null || b !== null) && (
        <div className="grid gap-4 md:grid-cols-2">
          <Side letter="A" text={a} from={sides ? name(sides.a) : null} />
          <Side letter="B" text={b} from={sides ? name(sides.b) : null} />
        </div>
      )}
      {choose.error && <Failure error={choose.error} title="The choice was not kept" />}
      {status === "ready" && (
        <div className="flex flex-wrap gap-2" role="group" aria-label="Which is better">
          {CHOICES.map(({ value, label }) => (
            <Button key={value} size="small" onClick={() => choose.mutate(value)} disabled={choose.isPending}>
              {label}
            </Button>
          ))}
        </div>
      )}
      {comparison.choice && <p className="text-muted">You chose: {CHOICES.find(({ value }) => value === comparison.choice)?.label}.</p>}
    </article>
  );
}

function Side({ letter, text, from }: { letter: string; text: string | null; from: string | null }) {
  return (
    <section className="flex flex-col gap-1 rounded-md border p-3">
      <h4 className="text-[13px] font-medium">
        {letter}
        {from && <span className="text-muted">: {from}</span>}
      </h4>
      <p className="font-serif break-words whitespace-pre-wrap">{text ?? "Erased"}</p>
    </section>
  );
}
