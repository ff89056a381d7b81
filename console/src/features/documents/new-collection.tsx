import { Plus } from "lucide-react";
import { useState, type FormEvent } from "react";
import { fieldMessage, problemOf } from "@/api/problem";
import { Failure } from "@/components/states";
import { Button } from "@/components/ui/button";
import { Checkbox } from "@/components/ui/checkbox";
import { Field, Input, Textarea } from "@/components/ui/field";
import { Dialog } from "@/components/ui/overlay";
import { useCreateCollection } from "@/features/documents/api";

export function NewCollection({ onCreated }: { onCreated: (id: string) => void }) {
  const [open, setOpen] = useState(false);
  return (
    <>
      <Button onClick={() => setOpen(true)}>
        <Plus aria-hidden /> New collection
      </Button>
      <Dialog open={open} onClose={() => setOpen(false)} title="New collection" description="Documents that are read and granted together.">
        <CollectionForm
          onDone={(id) => {
            setOpen(false);
            onCreated(id);
          }}
        />
      </Dialog>
    </>
  );
}

function CollectionForm({ onDone }: { onDone: (id: string) => void }) {
  const [name, setName] = useState("");
  const [description, setDescription] = useState("");
  const [isPrivate, setPrivate] = useState(false);
  const create = useCreateCollection();
  const problem = create.error ? problemOf(create.error) : null;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    create.mutate({ name: name.trim(), description: description.trim(), private: isPrivate }, { onSuccess: ({ id }) => onDone(id) });
  };
  return (
    <form onSubmit={submit} className="flex flex-col gap-4">
      {create.error && <Failure error={create.error} title="The collection was not created" />}
      <Field label="Name" error={fieldMessage(problem, "name")}>
        {(control) => <Input {...control} value={name} onChange={(event) => setName(event.target.value)} maxLength={200} required />}
      </Field>
      <Field label="Description" hint="Optional: what belongs in it">
        {(control) => <Textarea {...control} value={description} onChange={(event) => setDescription(event.target.value)} maxLength={2000} />}
      </Field>
      <Checkbox checked={isPrivate} onChange={setPrivate} label="Private" note="Open to you alone until you grant it to others" />
      <Button type="submit" look="primary" className="self-end" disabled={create.isPending || !name.trim()}>
        Create collection
      </Button>
    </form>
  );
}
