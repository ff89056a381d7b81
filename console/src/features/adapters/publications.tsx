import { useQuery } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import type { Adapter } from "@/api/types";
import { Section } from "@/components/facts";
import { Failure } from "@/components/states";
import { Button } from "@/components/ui/button";
import { Select } from "@/components/ui/select";
import { assistantsQuery, useAfterErasure, usePublishAdapter, useUnpublishAdapter } from "@/features/adapters/api";
import { AFTER_ERASURE } from "@/features/adapters/words";

/** For which assistants it answers; only one that passed can be published. */
export function Publications({ adapter }: { adapter: Adapter }) {
  const unpublish = useUnpublishAdapter(adapter.id);
  return (
    <Section title="Answers for" note="From its next answer on, an assistant answers with what is published for it.">
      {unpublish.error && <Failure error={unpublish.error} title="The adapter was not taken back" />}
      {adapter.published_for.length > 0 && (
        <ul className="flex flex-col border-t" data-testid="publications">
          {adapter.published_for.map(({ assistant_id, name }) => (
            <li key={assistant_id} className="flex flex-wrap items-center justify-between gap-3 border-b py-2">
              <span className="min-w-0 font-medium break-words">{name}</span>
              <Button size="small" onClick={() => unpublish.mutate(assistant_id)} disabled={unpublish.isPending} aria-label={`Take it back from ${name}`}>
                Take back
              </Button>
            </li>
          ))}
        </ul>
      )}
      {adapter.status === "passed" && !adapter.retraining ? (
        <Publish adapter={adapter} />
      ) : (
        <p className="text-muted">{adapter.retraining ? "It has to be trained anew before it can be published again." : "It can be published once it passed an evaluation."}</p>
      )}
      <AfterErasure adapter={adapter} />
    </Section>
  );
}

const DECISIONS = (["unpublish", "keep"] as const).map((value) => ({ value, label: AFTER_ERASURE[value] }));

/** What becomes of its answers when a person, a document or a conversation that it learnt from is erased. */
function AfterErasure({ adapter }: { adapter: Adapter }) {
  const decide = useAfterErasure(adapter.id);
  return (
    <div className="flex flex-wrap items-center gap-x-3 gap-y-2">
      {decide.error && <Failure error={decide.error} title="The decision was not kept" className="w-full" />}
      <span className="text-muted">When what it learnt from is erased</span>
      <Select
        label="When what it learnt from is erased"
        value={decide.isPending ? decide.variables : adapter.after_erasure}
        options={DECISIONS}
        onChange={(value) => decide.mutate(value as Adapter["after_erasure"])}
        className="max-w-full"
      />
    </div>
  );
}

function Publish({ adapter }: { adapter: Adapter }) {
  const { data, error } = useQuery(assistantsQuery);
  const publish = usePublishAdapter(adapter.id);
  const [chosen, setChosen] = useState("");
  const offered = (data ?? []).filter(({ id }) => !adapter.published_for.some((one) => one.assistant_id === id));
  const assistant = chosen || (offered[0]?.id ?? "");
  if (error && !data) return <Failure error={error} title="The assistants can't be listed" />;
  if (data && offered.length === 0) return <p className="text-muted">{data.length === 0 ? "There is no assistant to publish it for." : "It is published for every assistant."}</p>;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    publish.mutate(assistant, { onSuccess: () => setChosen("") });
  };
  return (
    <form onSubmit={submit} className="flex flex-wrap items-center gap-3">
      {publish.error && <Failure error={publish.error} title="The adapter was not published" className="w-full" />}
      <Select label="Assistant" value={assistant} options={offered.map(({ id, name }) => ({ value: id, label: name }))} onChange={setChosen} className="min-w-48" />
      <Button type="submit" disabled={publish.isPending || !assistant}>
        Publish
      </Button>
    </form>
  );
}
