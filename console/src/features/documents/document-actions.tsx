import { ChevronDown, Download, FileUp, Pencil, RefreshCw, Trash2 } from "lucide-react";
import { useRef, useState } from "react";
import { randomKey } from "@/api/client";
import type { Document } from "@/api/types";
import { Failure } from "@/components/states";
import { Button } from "@/components/ui/button";
import { Menu, MenuItem, MenuPanel, MenuSeparator, MenuTrigger } from "@/components/ui/menu";
import { Confirm, Dialog } from "@/components/ui/overlay";
import { DetailsForm } from "@/features/documents/details-form";
import { useDeleteDocument, useReplaceFile, useReprocess } from "@/features/documents/manage";
import { useMay, useSession } from "@/features/session/api";
import { plural } from "@/lib/format";

type Open = "details" | "delete" | null;

export function DocumentActions({ document, onDeleted }: { document: Document; onDeleted: () => void }) {
  const [open, setOpen] = useState<Open>(null);
  const input = useRef<HTMLInputElement>(null);
  const may = useMay();
  const { user } = useSession();
  const changes = may("documents.write") && (document.created_by === user.id || may("collections.manage"));
  const replace = useReplaceFile(document.id);
  const reprocess = useReprocess(document.id);
  const busy = replace.isPending || reprocess.isPending || document.status === "queued" || document.status === "processing";
  return (
    <>
      {replace.error && (
        <Failure error={replace.error} title="The file was not replaced" kept="The file that was there stays." className="w-full" />
      )}
      {reprocess.error && <Failure error={reprocess.error} title="The file is not read again" className="w-full" />}
      <Button asChild>
        <a href={`/api/v1/documents/${document.id}/content`} download={document.name}>
          <Download aria-hidden /> Download
        </a>
      </Button>
      {changes && (
        <Menu>
          <MenuTrigger asChild>
            <Button data-testid="document-menu">
              {replace.isPending ? "Sending…" : "Change"} <ChevronDown aria-hidden className="text-muted" />
            </Button>
          </MenuTrigger>
          <MenuPanel align="end" side="top">
            <MenuItem onSelect={() => setOpen("details")}>
              <Pencil aria-hidden /> Title, source and date
            </MenuItem>
            <MenuItem onSelect={() => input.current?.click()} disabled={busy}>
              <FileUp aria-hidden /> Replace the file
            </MenuItem>
            <MenuItem onSelect={() => reprocess.mutate(undefined)} disabled={busy}>
              <RefreshCw aria-hidden /> Read the file again
            </MenuItem>
            <MenuSeparator />
            <MenuItem onSelect={() => setOpen("delete")}>
              <Trash2 aria-hidden /> Delete
            </MenuItem>
          </MenuPanel>
        </Menu>
      )}
      <input
        ref={input}
        type="file"
        aria-label={`A new file for ${document.name}`}
        className="sr-only"
        tabIndex={-1}
        onChange={(event) => {
          const file = event.target.files?.[0];
          if (file) replace.mutate({ file, key: randomKey() });
          event.target.value = "";
        }}
      />
      <Dialog open={open === "details"} onClose={() => setOpen(null)} title="Title, source and date" description="Reading the file again takes title and date from the file.">
        <DetailsForm document={document} onDone={() => setOpen(null)} />
      </Dialog>
      <DeleteDocument document={document} open={open === "delete"} onClose={() => setOpen(null)} onDeleted={onDeleted} />
    </>
  );
}

type DeleteProps = { document: Document; open: boolean; onClose: () => void; onDeleted: () => void };

function DeleteDocument({ document, open, onClose, onDeleted }: DeleteProps) {
  const remove = useDeleteDocument(document.id);
  return (
    <Confirm
      open={open}
      onClose={onClose}
      onConfirm={() => remove.mutate(undefined, { onSuccess: onDeleted })}
      busy={remove.isPending}
      title={`Delete “${document.name}”?`}
      consequence={`Its text and ${plural(document.chunk_count, "chunk")} leave the index, and agents can no longer read or cite it. Finished answers keep the quotes they made. This can't be undone.`}
      action="Delete the document"
    >
      {remove.error && <Failure error={remove.error} title="The document was not deleted" />}
    </Confirm>
  );
}
