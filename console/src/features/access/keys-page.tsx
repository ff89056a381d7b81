import { useInfiniteQuery } from "@tanstack/react-query";
import { Plus } from "lucide-react";
import { useState, type FormEvent } from "react";
import { allRows } from "@/api/pages";
import { fieldMessage, problemOf } from "@/api/problem";
import type { ApiKey } from "@/api/types";
import { Copyable } from "@/components/copyable";
import { DataTable, type Column } from "@/components/data-table";
import { LoadMore } from "@/components/load-more";
import { Page } from "@/components/page";
import { Empty, Failure } from "@/components/states";
import { Status } from "@/components/status";
import { Time } from "@/components/time";
import { Button } from "@/components/ui/button";
import { Field, Input } from "@/components/ui/field";
import { Confirm, Dialog } from "@/components/ui/overlay";
import { Tooltip } from "@/components/ui/tooltip";
import { keysQuery, useCreateKey, useRevokeKey } from "@/features/access/api";
import { RoleChoice } from "@/features/access/role-choice";
import { plural } from "@/lib/format";

export function KeysPage() {
  const keys = useInfiniteQuery(keysQuery);
  const rows = allRows(keys.data);
  const revoke = useRevokeKey();
  const [creating, setCreating] = useState(false);
  const [asked, setAsked] = useState<ApiKey | null>(null);

  const columns: Column<ApiKey>[] = [
    { id: "name", header: "Name", inList: "title", cell: (key) => <span className="font-medium break-words">{key.name}</span> },
    { id: "prefix", header: "Key", cell: (key) => <code className="font-mono text-[12.5px] break-all">{key.prefix}…</code> },
    { id: "permissions", header: "May", className: "whitespace-nowrap", cell: (key) => <KeyPermissions permissions={key.permissions} /> },
    { id: "status", header: "Status", className: "w-32", cell: (key) => (key.revoked_at ? <Status value="disabled" label="Revoked" /> : <Status value="active" />) },
    { id: "used", header: "Last used", listLabel: "Used", className: "w-36", cell: (key) => (key.last_used_at ? <Time at={key.last_used_at} /> : <span className="text-muted">never</span>) },
    {
      id: "actions",
      header: "",
      inList: "corner",
      className: "w-28 text-right",
      cell: (key) =>
        !key.revoked_at && (
          <Button size="small" onClick={() => setAsked(key)} aria-label={`Revoke ${key.name}`}>
            Revoke
          </Button>
        ),
    },
  ];

  return (
    <Page
      title="Keys"
      note="Keys let programs call the API. A key is shown once, when it is made."
      action={
        <Button look="primary" onClick={() => setCreating(true)}>
          <Plus aria-hidden /> New key
        </Button>
      }
    >
      {keys.error && !rows ? (
        <Failure error={keys.error} title="The keys can't be listed" onRetry={() => void keys.refetch()} />
      ) : rows?.length === 0 ? (
        <Empty title="No keys yet">Make one for each program, so that each can be revoked on its own.</Empty>
      ) : (
        <DataTable label="Keys" testId="keys" columns={columns} rows={rows} rowKey={(key) => key.id} />
      )}
      <LoadMore query={keys} />
      <Dialog open={creating} onClose={() => setCreating(false)} title="New key">
        <KeyForm onDone={() => setCreating(false)} />
      </Dialog>
      <Confirm
        open={asked !== null}
        onClose={() => setAsked(null)}
        onConfirm={() => asked && revoke.mutate(asked.id, { onSuccess: () => setAsked(null) })}
        busy={revoke.isPending}
        title={`Revoke “${asked?.name ?? ""}”?`}
        consequence="Programs that use it are refused from now on. A revoked key can't be brought back."
        action="Revoke the key"
      >
        {revoke.error && <Failure error={revoke.error} title="The key was not revoked" />}
      </Confirm>
    </Page>
  );
}

function KeyPermissions({ permissions }: { permissions: string[] }) {
  return (
    <Tooltip text={permissions.join(", ") || "Nothing"}>
      <span className="relative z-10">{plural(permissions.length, "permission")}</span>
    </Tooltip>
  );
}

function KeyForm({ onDone }: { onDone: () => void }) {
  const [name, setName] = useState("");
  const [roles, setRoles] = useState(["member"]);
  const create = useCreateKey();
  const submit = (event: FormEvent) => {
    event.preventDefault();
    create.mutate({ name: name.trim(), roles });
  };
  if (create.data) {
    return (
      <div className="flex flex-col gap-4">
        <p>Copy the key now. It is not stored and can't be shown again.</p>
        <p className="rounded-md border bg-sheet p-3" data-testid="new-key">
          <Copyable value={create.data.secret} what="key" />
        </p>
        <Button look="primary" className="self-end" onClick={onDone}>
          I have copied it
        </Button>
      </div>
    );
  }
  return (
    <form onSubmit={submit} className="flex flex-col gap-4">
      {create.error && <Failure error={create.error} title="The key was not made" />}
      <Field label="Name" hint="What program uses it" error={create.error ? fieldMessage(problemOf(create.error), "name") : undefined}>
        {(control) => <Input {...control} value={name} onChange={(event) => setName(event.target.value)} required />}
      </Field>
      <RoleChoice chosen={roles} onChange={setRoles} />
      <Button type="submit" look="primary" className="self-end" disabled={create.isPending || !name.trim()}>
        Make the key
      </Button>
    </form>
  );
}
