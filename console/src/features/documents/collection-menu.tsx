import { ChevronDown, Pencil, ShieldCheck, Trash2 } from "lucide-react";
import { useState, type FormEvent } from "react";
import { fieldMessage, problemOf } from "@/api/problem";
import type { Collection } from "@/api/types";
import { Failure } from "@/components/states";
import { Button } from "@/components/ui/button";
import { Field, Input, Textarea } from "@/components/ui/field";
import { Menu, MenuItem, MenuPanel, MenuSeparator, MenuTrigger } from "@/components/ui/menu";
import { Confirm, Dialog } from "@/components/ui/overlay";
import { useDeleteCollection, useUpdateCollection } from "@/features/documents/api";
import { GrantEditor } from "@/features/documents/grant-editor";
import { plural } from "@/lib/format";

type Open = "details" | "access" | "delete" | null;

/** What those who manage a collection can do with it. */
export function CollectionMenu({ collection, onDeleted }: { collection: Collection; onDeleted: () => void }) {
  const [open, setOpen] = useState<Open>(null);
  const close = () => setOpen(null);
  return (
    <>
      <Menu>
        <MenuTrigger asChild>
          <Button data-testid="collection-menu">
            This collection <ChevronDown aria-hidden className="text-muted" />
          </Button>
        </MenuTrigger>
        <MenuPanel align="end">
          <MenuItem onSelect={() => setOpen("access")}>
            <ShieldCheck aria-hidden /> Access
          </MenuItem>
          <MenuItem onSelect={() => setOpen("details")}>
            <Pencil aria-hidden /> Name and description
          </MenuItem>
          <MenuSeparator />
          <MenuItem onSelect={() => setOpen("delete")}>
            <Trash2 aria-hidden /> Delete
          </MenuItem>
        </MenuPanel>
      </Menu>
      <Dialog open={open === "access"} onClose={close} title={`Access to ${collection.name}`} description="Each change holds from the next search on. A deny beats every allow.">
        <GrantEditor on={{ kind: "collection", id: collection.id }} empty="None: nobody may read its documents but through grants on single ones." />
      </Dialog>
      <Dialog open={open === "details"} onClose={close} title="Name and description">
        <CollectionDetails collection={collection} onDone={close} />
      </Dialog>
      <DeleteCollection collection={collection} open={open === "delete"} onClose={close} onDeleted={onDeleted} />
    </>
  );
}

type DeleteProps = { collection: Collection; open: boolean; onClose: () => void; onDeleted: () => void };

/** Only an empty collection goes; each of its documents is deleted by itself, with its own question. */
function DeleteCollection({ collection, open, onClose, onDeleted }: DeleteProps) {
  const remove = useDeleteCollection();
  const count = collection.document_count;
  const isEmpty = count === 0;
  return (
    <Confirm
      open={open}
      onClose={onClose}
      onConfirm={() => remove.mutate(collection.id, { onSuccess: onDeleted })}
      busy={remove.isPending || !isEmpty}
      title={isEmpty ? `Delete “${collection.name}”?` : `“${collection.name}” isn’t empty`}
      consequence={
        isEmpty
          ? "It holds no documents. The grants on it are forgotten, and questions that name it find nothing in it. This can't be undone."
          : `It holds ${plural(count, "document")}. Delete ${count === 1 ? "it" : "them"} first; nothing is deleted along with a collection.`
      }
      action="Delete the collection"
    >
      {remove.error && <Failure error={remove.error} title="The collection was not deleted" />}
    </Confirm>
  );
}

function CollectionDetails({ collection, onDone }: { collection: Collection; onDone: () => void }) {
  const [name, setName] = useState(collection.name);
  const [description, setDescription] = useState(collection.description);
  const update = useUpdateCollection(collection.id);
  const problem = update.error ? problemOf(update.error) : null;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    update.mutate({ name: name.trim(), description: description.trim() }, { onSuccess: onDone });
  };
  return (
    <form onSubmit={submit} className="flex flex-col gap-4">
      {update.error && <Failure error={update.error} title="The collection was not changed" />}
      <Field label="Name" error={fieldMessage(problem, "name")}>
        {(control) => <Input {...control} value={name} onChange={(event) => setName(event.target.value)} maxLength={200} required />}
      </Field>
      <Field label="Description" hint="Optional: what belongs in it">
        {(control) => <Textarea {...control} value={description} onChange={(event) => setDescription(event.target.value)} maxLength={2000} />}
      </Field>
      <Button type="submit" look="primary" className="self-end" disabled={update.isPending || !name.trim()}>
        Keep the changes
      </Button>
    </form>
  );
}
