import { useState } from "react";
import { Failure } from "@/components/states";
import { Button } from "@/components/ui/button";
import { Field, Input } from "@/components/ui/field";
import { Select } from "@/components/ui/select";
import { SkeletonLines } from "@/components/ui/skeleton";
import { useEveryone, useNames, type Choice } from "@/features/access/directory";
import { PrincipalPicker } from "@/features/access/principal-picker";
import { useMay } from "@/features/session/api";

export type Rule = { id: string; principal: string; effect: "allow" | "deny" };

type GrantPanelProps = {
  rules: Rule[] | undefined;
  /** Why the rules can't be listed or were not changed. */
  error: unknown;
  busy: boolean;
  action: string;
  empty: string;
  onAdd: (rule: Omit<Rule, "id">) => void;
  onRemove: (id: string) => void;
};

const EFFECTS = [
  { value: "allow", label: "may read" },
  { value: "deny", label: "may not read" },
];

/** The rules on a thing: to whom it is open, and to whom closed. */
export function GrantPanel({ rules, error, busy, action, empty, onAdd, onRemove }: GrantPanelProps) {
  const everyone = useEveryone();
  const nameOf = useNames(rules?.map(({ principal }) => principal) ?? []);
  const mayLookUp = useMay()("directory.read");
  // Who was picked is settled once the list has changed; the next rule begins with nobody.
  const count = rules?.length ?? 0;
  const [picked, setPicked] = useState<{ choice: Choice | null; among: number }>({ choice: null, among: 0 });
  const chosen = mayLookUp ? (picked.among === count ? picked.choice : null) : everyone;
  const [effect, setEffect] = useState("allow");
  return (
    <div className="flex flex-col gap-4">
      {error !== null && <Failure error={error} title={rules ? "The access was not changed" : "The access can't be listed"} />}
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (chosen) onAdd({ principal: chosen.principal, effect: effect === "deny" ? "deny" : "allow" });
        }}
        className="flex flex-wrap items-start gap-2"
      >
        <Field label="Who" className="basis-full">
          {({ id }) =>
            mayLookUp ? (
              <PrincipalPicker id={id} label="Who" offered={[everyone]} chosen={chosen} onChoose={(choice) => setPicked({ choice, among: count })} />
            ) : (
              <Input id={id} value={everyone.label} readOnly />
            )
          }
        </Field>
        <Field label="May they" className="w-40">
          {({ id }) => <Select id={id} label="May they" value={effect} onChange={setEffect} options={EFFECTS} />}
        </Field>
        <Button type="submit" disabled={busy || !chosen} className="mt-[26px]">
          {action}
        </Button>
      </form>
      {!mayLookUp && <p className="text-[13px] text-muted">Your role lets you name everyone, not single persons and groups.</p>}
      {!rules && error === null && <SkeletonLines count={2} />}
      {rules?.length === 0 && <p className="text-muted">{empty}</p>}
      {rules && rules.length > 0 && (
        <ul aria-label="Who may read it" data-testid="rules" className="flex flex-col border-t">
          {rules.map((rule) => (
            <li key={rule.id} className="flex items-center justify-between gap-3 border-b py-2">
              <span className="min-w-0 break-words">
                {nameOf(rule.principal)} <span className="text-muted">{rule.effect === "deny" ? "may not read it, whatever opens it" : "may read it"}</span>
              </span>
              <Button size="small" onClick={() => onRemove(rule.id)} disabled={busy} aria-label={`Take back the rule on ${nameOf(rule.principal)}`}>
                Take back
              </Button>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
