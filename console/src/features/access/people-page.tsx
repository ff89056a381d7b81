import { useInfiniteQuery } from "@tanstack/react-query";
import { UserPlus } from "lucide-react";
import { useState } from "react";
import { allRows } from "@/api/pages";
import type { User } from "@/api/types";
import { DataTable, type Column } from "@/components/data-table";
import { LoadMore } from "@/components/load-more";
import { Page } from "@/components/page";
import { Empty, Failure } from "@/components/states";
import { Status } from "@/components/status";
import { Time } from "@/components/time";
import { Button } from "@/components/ui/button";
import { Confirm, Dialog } from "@/components/ui/overlay";
import { usersQuery, useUpdateUser } from "@/features/access/api";
import { NewPersonForm, RolesForm } from "@/features/access/person-forms";
import { useSession } from "@/features/session/api";
import { humanise } from "@/lib/format";

type Open = { kind: "new" } | { kind: "roles" | "disable"; user: User } | null;

export function PeoplePage() {
  const users = useInfiniteQuery(usersQuery);
  const rows = allRows(users.data);
  const { user: self } = useSession();
  const update = useUpdateUser();
  const [open, setOpen] = useState<Open>(null);
  const close = () => setOpen(null);
  const setStatus = (user: User, status: "active" | "disabled") => update.mutate({ id: user.id, status }, { onSuccess: close });

  const columns: Column<User>[] = [
    {
      id: "name",
      header: "Name",
      inList: "title",
      className: "min-w-48",
      cell: (user) => (
        <div>
          <p className="font-medium break-words">{user.name || user.email}</p>
          <p className="text-[13px] break-all text-muted">{user.email}</p>
        </div>
      ),
    },
    { id: "roles", header: "Roles", cell: (user) => user.roles.map(humanise).join(", ") || <span className="text-muted">None</span> },
    { id: "status", header: "Status", className: "w-32", cell: (user) => <Status value={user.status} /> },
    { id: "created", header: "Added", listLabel: "Added", className: "w-36", cell: (user) => <Time at={user.created_at} /> },
    {
      id: "actions",
      header: "",
      inList: "line",
      className: "w-52 text-right",
      cell: (user) => (
        <div className="flex gap-2 md:justify-end">
          <Button size="small" onClick={() => setOpen({ kind: "roles", user })} aria-label={`Change the roles of ${user.email}`}>
            Roles
          </Button>
          {user.id !== self.id &&
            (user.status === "disabled" ? (
              <Button size="small" onClick={() => setStatus(user, "active")} aria-label={`Enable ${user.email}`}>
                Enable
              </Button>
            ) : (
              <Button size="small" onClick={() => setOpen({ kind: "disable", user })} aria-label={`Disable ${user.email}`}>
                Disable
              </Button>
            ))}
        </div>
      ),
    },
  ];

  return (
    <Page
      title="People"
      note="Who may sign in, and what their roles let them do."
      action={
        <Button look="primary" onClick={() => setOpen({ kind: "new" })}>
          <UserPlus aria-hidden /> Add a person
        </Button>
      }
    >
      {update.error && open === null && <Failure error={update.error} title="The person was not changed" />}
      {users.error && !rows ? (
        <Failure error={users.error} title="The people can't be listed" onRetry={() => void users.refetch()} />
      ) : rows?.length === 0 ? (
        <Empty title="Nobody here yet">Add the first person, or connect an identity provider under Sign-in.</Empty>
      ) : (
        <DataTable label="People" testId="people" columns={columns} rows={rows} rowKey={(user) => user.id} />
      )}
      <LoadMore query={users} />
      <Dialog open={open?.kind === "new"} onClose={close} title="Add a person">
        <NewPersonForm onDone={close} />
      </Dialog>
      <Dialog open={open?.kind === "roles"} onClose={close} title={open?.kind === "roles" ? `Roles of ${open.user.name || open.user.email}` : ""}>
        {open?.kind === "roles" && <RolesForm user={open.user} onDone={close} />}
      </Dialog>
      <Confirm
        open={open?.kind === "disable"}
        onClose={close}
        onConfirm={() => open?.kind === "disable" && setStatus(open.user, "disabled")}
        busy={update.isPending}
        title={open?.kind === "disable" ? `Disable ${open.user.email}?` : ""}
        consequence="Their sessions and API keys stop working at once. Their tasks, documents and records stay. You can enable them again."
        action="Disable"
      >
        {update.error && <Failure error={update.error} title="The person was not disabled" />}
      </Confirm>
    </Page>
  );
}
