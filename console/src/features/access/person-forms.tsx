import { useState, type FormEvent } from "react";
import { fieldMessage, problemOf } from "@/api/problem";
import type { User } from "@/api/types";
import { Failure } from "@/components/states";
import { Button } from "@/components/ui/button";
import { Field, Input } from "@/components/ui/field";
import { useCreateUser, useUpdateUser } from "@/features/access/api";
import { RoleChoice } from "@/features/access/role-choice";

export function NewPersonForm({ onDone }: { onDone: () => void }) {
  const [person, setPerson] = useState({ name: "", email: "", password: "" });
  const [roles, setRoles] = useState(["member"]);
  const create = useCreateUser();
  const problem = create.error ? problemOf(create.error) : null;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    create.mutate({ ...person, roles }, { onSuccess: onDone });
  };
  const set = (field: keyof typeof person) => (event: { target: { value: string } }) => setPerson({ ...person, [field]: event.target.value });
  return (
    <form onSubmit={submit} className="flex flex-col gap-4">
      {create.error && <Failure error={create.error} title="The person was not added" />}
      <Field label="Name" error={fieldMessage(problem, "name")}>
        {(control) => <Input {...control} value={person.name} onChange={set("name")} autoComplete="off" required />}
      </Field>
      <Field label="E-mail" error={fieldMessage(problem, "email")}>
        {(control) => <Input {...control} type="email" value={person.email} onChange={set("email")} autoComplete="off" required />}
      </Field>
      <Field label="First password" hint="At least 12 characters; hand it over on a safe way." error={fieldMessage(problem, "password")}>
        {(control) => (
          <Input {...control} type="password" value={person.password} onChange={set("password")} minLength={12} autoComplete="new-password" required />
        )}
      </Field>
      <RoleChoice chosen={roles} onChange={setRoles} />
      <Button type="submit" look="primary" className="self-end" disabled={create.isPending}>
        Add the person
      </Button>
    </form>
  );
}

export function RolesForm({ user, onDone }: { user: User; onDone: () => void }) {
  const [roles, setRoles] = useState(user.roles);
  const update = useUpdateUser();
  const submit = (event: FormEvent) => {
    event.preventDefault();
    update.mutate({ id: user.id, roles }, { onSuccess: onDone });
  };
  return (
    <form onSubmit={submit} className="flex flex-col gap-4">
      {update.error && <Failure error={update.error} title="The roles were not changed" />}
      <RoleChoice chosen={roles} onChange={setRoles} />
      <Button type="submit" look="primary" className="self-end" disabled={update.isPending}>
        Save the roles
      </Button>
    </form>
  );
}
