import { useInfiniteQuery } from "@tanstack/react-query";
import { Plus } from "lucide-react";
import { useState, type FormEvent } from "react";
import { allRows } from "@/api/pages";
import { fieldMessage, problemOf } from "@/api/problem";
import type { Connection } from "@/api/types";
import { Copyable } from "@/components/copyable";
import { DataTable, type Column } from "@/components/data-table";
import { LoadMore } from "@/components/load-more";
import { Page } from "@/components/page";
import { Empty, Failure } from "@/components/states";
import { Time } from "@/components/time";
import { Button } from "@/components/ui/button";
import { Field, Input } from "@/components/ui/field";
import { Confirm, Dialog } from "@/components/ui/overlay";
import { connectionsQuery, useCreateConnection, useDeleteConnection } from "@/features/access/api";

export function ConnectionsPage() {
  const connections = useInfiniteQuery(connectionsQuery);
  const rows = allRows(connections.data);
  const remove = useDeleteConnection();
  const [creating, setCreating] = useState(false);
  const [asked, setAsked] = useState<Connection | null>(null);

  const columns: Column<Connection>[] = [
    { id: "name", header: "Name", inList: "title", cell: (row) => <span className="font-medium break-words">{row.name}</span> },
    { id: "kind", header: "Kind", className: "w-40", cell: (row) => (row.kind === "oidc" ? "OpenID Connect" : row.kind) },
    { id: "issuer", header: "Issuer", cell: (row) => <code className="font-mono text-[12.5px] break-all">{row.issuer}</code> },
    { id: "created", header: "Added", listLabel: "Added", className: "w-36", cell: (row) => <Time at={row.created_at} /> },
    {
      id: "actions",
      header: "",
      inList: "corner",
      className: "w-28 text-right",
      cell: (row) => (
        <Button size="small" onClick={() => setAsked(row)} aria-label={`Delete ${row.name}`}>
          Delete
        </Button>
      ),
    },
  ];

  return (
    <Page
      title="Sign-in"
      note="Identity providers that people may sign in with, beside a password."
      action={
        <Button look="primary" onClick={() => setCreating(true)}>
          <Plus aria-hidden /> Connect a provider
        </Button>
      }
    >
      {connections.error && !rows ? (
        <Failure error={connections.error} title="The connections can't be listed" onRetry={() => void connections.refetch()} />
      ) : rows?.length === 0 ? (
        <Empty title="No identity provider yet">Connect one that speaks OpenID Connect, and its button appears on the sign-in page.</Empty>
      ) : (
        <DataTable label="Sign-in connections" testId="connections" columns={columns} rows={rows} rowKey={(row) => row.id} />
      )}
      <LoadMore query={connections} />
      <Dialog open={creating} onClose={() => setCreating(false)} title="Connect a provider" description="OpenID Connect, authorisation code flow">
        <ConnectionForm onDone={() => setCreating(false)} />
      </Dialog>
      <Confirm
        open={asked !== null}
        onClose={() => setAsked(null)}
        onConfirm={() => asked && remove.mutate(asked.id, { onSuccess: () => setAsked(null) })}
        busy={remove.isPending}
        title={`Delete the connection “${asked?.name ?? ""}”?`}
        consequence="People who only sign in with it can't sign in any more. Their accounts and sessions that run now stay."
        action="Delete the connection"
      >
        {remove.error && <Failure error={remove.error} title="The connection was not deleted" />}
      </Confirm>
    </Page>
  );
}

const FIELDS = [
  { name: "name", label: "Name", hint: "Shown on the button, such as Contoso Entra", type: "text" },
  { name: "issuer", label: "Issuer", hint: "The address before /.well-known/openid-configuration", type: "url" },
  { name: "client_id", label: "Client id", hint: undefined, type: "text" },
  { name: "client_secret", label: "Client secret", hint: "Stored encrypted; never shown again", type: "password" },
] as const;

function ConnectionForm({ onDone }: { onDone: () => void }) {
  const [values, setValues] = useState({ name: "", issuer: "", client_id: "", client_secret: "" });
  const create = useCreateConnection();
  const problem = create.error ? problemOf(create.error) : null;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    create.mutate({ kind: "oidc", default_role: "member", enabled: true, ...values }, { onSuccess: onDone });
  };
  return (
    <form onSubmit={submit} className="flex flex-col gap-4">
      {create.error && <Failure error={create.error} title="The provider was not connected" />}
      <p className="flex flex-col gap-1 text-[13px]">
        <span className="text-muted">Register this redirect address with the provider:</span>
        <Copyable value={`${window.location.origin}/auth/oidc/callback`} what="redirect address" />
      </p>
      {FIELDS.map(({ name, label, hint, type }) => (
        <Field key={name} label={label} hint={hint} error={fieldMessage(problem, name)}>
          {(control) => (
            <Input {...control} type={type} autoComplete="off" value={values[name]} onChange={(event) => setValues({ ...values, [name]: event.target.value })} required />
          )}
        </Field>
      ))}
      <Button type="submit" look="primary" className="self-end" disabled={create.isPending}>
        Connect
      </Button>
    </form>
  );
}
