import { useState, type FormEvent } from "react";
import { fieldMessage, problemOf } from "@/api/problem";
import type { Conversation } from "@/api/types";
import { Failure } from "@/components/states";
import { Button } from "@/components/ui/button";
import { Field, Input } from "@/components/ui/field";
import { useRename } from "@/features/chat/manage";

export function RenameForm({ conversation, onDone }: { conversation: Conversation; onDone: () => void }) {
  const [title, setTitle] = useState(conversation.title ?? "");
  const rename = useRename(conversation.id);
  const problem = rename.error ? problemOf(rename.error) : null;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    rename.mutate(title.trim(), { onSuccess: onDone });
  };
  return (
    <form onSubmit={submit} className="flex flex-col gap-4">
      {rename.error && <Failure error={rename.error} title="The conversation was not renamed" />}
      <Field label="Title" error={fieldMessage(problem, "title")}>
        {(control) => <Input {...control} value={title} onChange={(event) => setTitle(event.target.value)} maxLength={200} required />}
      </Field>
      <Button type="submit" look="primary" className="self-end" disabled={rename.isPending || !title.trim()}>
        Rename
      </Button>
    </form>
  );
}
