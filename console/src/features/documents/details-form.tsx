import { useState, type FormEvent } from "react";
import { fieldMessage, problemOf } from "@/api/problem";
import type { Document } from "@/api/types";
import { Failure } from "@/components/states";
import { Button } from "@/components/ui/button";
import { Field, Input } from "@/components/ui/field";
import { useUpdateDocument } from "@/features/documents/manage";

export function DetailsForm({ document, onDone }: { document: Document; onDone: () => void }) {
  const [title, setTitle] = useState(document.title ?? "");
  const [source, setSource] = useState(document.source);
  const [dated, setDated] = useState(document.dated ?? "");
  const update = useUpdateDocument(document.id);
  const problem = update.error ? problemOf(update.error) : null;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const changed = {
      ...(title.trim() && title.trim() !== document.title ? { title: title.trim() } : {}),
      ...(source.trim() !== document.source ? { source: source.trim() } : {}),
      ...(dated !== (document.dated ?? "") ? { dated: dated || null } : {}),
    };
    if (Object.keys(changed).length === 0) onDone();
    else update.mutate(changed, { onSuccess: onDone });
  };
  return (
    <form onSubmit={submit} className="flex flex-col gap-4">
      {update.error && <Failure error={update.error} title="The document was not changed" />}
      <Field label="Title" error={fieldMessage(problem, "title")}>
        {(control) => <Input {...control} value={title} onChange={(event) => setTitle(event.target.value)} maxLength={500} />}
      </Field>
      <Field label="Source" hint="Where it comes from, in small letters: such as upload, intranet or legal-archive" error={fieldMessage(problem, "source")}>
        {(control) => <Input {...control} value={source} onChange={(event) => setSource(event.target.value)} maxLength={63} />}
      </Field>
      <Field label="Date" hint="When the document was written or sent" error={fieldMessage(problem, "dated")}>
        {(control) => <Input {...control} type="date" value={dated} onChange={(event) => setDated(event.target.value)} className="max-w-48" />}
      </Field>
      <Button type="submit" look="primary" className="self-end" disabled={update.isPending}>
        Keep the changes
      </Button>
    </form>
  );
}
