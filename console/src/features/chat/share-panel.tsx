import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Failure } from "@/components/states";
import { Button } from "@/components/ui/button";
import { Field } from "@/components/ui/field";
import { Select } from "@/components/ui/select";
import { SkeletonLines } from "@/components/ui/skeleton";
import { EVERYONE, useNames } from "@/features/access/principals";
import { sharesQuery, useShare, useUnshare } from "@/features/chat/manage";

/** Who may read the conversation besides the person who began it. */
export function SharePanel({ conversationId }: { conversationId: string }) {
  const shares = useQuery(sharesQuery(conversationId));
  const { nameOf, options, knowsPeople } = useNames();
  const share = useShare(conversationId);
  const unshare = useUnshare(conversationId);
  const [principal, setPrincipal] = useState(EVERYONE);
  const [effect, setEffect] = useState<"allow" | "deny">("allow");
  const error = share.error ?? unshare.error;
  return (
    <div className="flex flex-col gap-5">
      {error && <Failure error={error} title="The shares were not changed" />}
      <form
        onSubmit={(event) => {
          event.preventDefault();
          share.mutate({ principal, effect });
        }}
        className="flex flex-wrap items-end gap-2"
      >
        <Field label="With" className="min-w-40 flex-1">
          {({ id }) => <Select id={id} label="With" value={principal} onChange={setPrincipal} options={options} />}
        </Field>
        <Field label="They" className="w-36">
          {({ id }) => (
            <Select
              id={id}
              label="They"
              value={effect}
              onChange={(next) => setEffect(next === "deny" ? "deny" : "allow")}
              options={[
                { value: "allow", label: "may read" },
                { value: "deny", label: "may not read" },
              ]}
            />
          )}
        </Field>
        <Button type="submit" look="primary" disabled={share.isPending}>
          Share
        </Button>
      </form>
      {!knowsPeople && <p className="text-[13px] text-muted">Sharing with single persons and groups is done by those who may see the list of people.</p>}
      {shares.error && <Failure error={shares.error} title="The shares can't be listed" onRetry={() => void shares.refetch()} />}
      {!shares.data && !shares.error && <SkeletonLines count={2} />}
      {shares.data?.data.length === 0 && <p className="text-muted">Nobody else may read it.</p>}
      {shares.data && shares.data.data.length > 0 && (
        <ul aria-label="Shares" data-testid="shares" className="flex flex-col border-t">
          {shares.data.data.map((row) => (
            <li key={row.id} className="flex items-center justify-between gap-3 border-b py-2">
              <span className="min-w-0 break-words">
                {nameOf(row.principal)} <span className="text-muted">{row.effect === "deny" ? "may not read it, whatever opens it" : "may read it"}</span>
              </span>
              <Button size="small" onClick={() => unshare.mutate(row.id)} disabled={unshare.isPending} aria-label={`Take back the share with ${nameOf(row.principal)}`}>
                Take back
              </Button>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
