import { Upload, X } from "lucide-react";
import { useRef, useState, type DragEvent } from "react";
import { Button } from "@/components/ui/button";
import { ProgressBar } from "@/components/ui/progress";
import { uploadAdvice } from "@/features/documents/upload";
import type { UploadItem } from "@/features/documents/use-uploads";
import { cn } from "@/lib/classes";
import { formatBytes } from "@/lib/format";

type UploadPanelProps = {
  into: string;
  items: UploadItem[];
  onFiles: (files: FileList) => void;
  onDismiss: (id: number) => void;
  onRetry: (id: number) => void;
};

/** Where files are dropped or chosen, and how each of them is doing. */
export function UploadPanel({ into, items, onFiles, onDismiss, onRetry }: UploadPanelProps) {
  const input = useRef<HTMLInputElement>(null);
  const [over, setOver] = useState(false);
  const drop = (event: DragEvent) => {
    event.preventDefault();
    setOver(false);
    if (event.dataTransfer.files.length > 0) onFiles(event.dataTransfer.files);
  };
  return (
    <section aria-label="Upload" className="flex flex-col gap-3">
      <div
        data-testid="drop-zone"
        onDragOver={(event) => {
          event.preventDefault();
          setOver(true);
        }}
        onDragLeave={() => setOver(false)}
        onDrop={drop}
        className={cn(
          "flex flex-wrap items-center gap-x-4 gap-y-3 rounded-md border border-dashed border-line-strong px-4 py-4",
          over && "border-solid border-seal bg-seal-wash",
        )}
      >
        <Upload className="size-5 shrink-0 text-muted" aria-hidden />
        <p className="min-w-0 flex-1 basis-56">
          <span className="font-medium">Drop files to add them to {into}</span>
          <span className="block text-[13px] text-muted">PDF, Word, PowerPoint, Excel, CSV, HTML, Markdown, mail, transcripts, EPUB, JSON, plain text, or a ZIP of these</span>
        </p>
        <Button size="small" onClick={() => input.current?.click()}>
          Choose files
        </Button>
        <input
          ref={input}
          type="file"
          multiple
          aria-label={`Files for ${into}`}
          className="sr-only"
          tabIndex={-1}
          onChange={(event) => {
            if (event.target.files?.length) onFiles(event.target.files);
            event.target.value = "";
          }}
        />
      </div>
      {items.length > 0 && (
        <ul aria-label="Uploads" className="flex flex-col rounded-md border">
          {items.map((item) => (
            <UploadRow key={item.id} item={item} onDismiss={() => onDismiss(item.id)} onRetry={() => onRetry(item.id)} />
          ))}
        </ul>
      )}
    </section>
  );
}

type UploadRowProps = { item: UploadItem; onDismiss: () => void; onRetry: () => void };

function UploadRow({ item, onDismiss, onRetry }: UploadRowProps) {
  const { file, sent, state, problem } = item;
  return (
    <li data-upload={state} className="flex items-start gap-3 border-b px-4 py-3 last:border-b-0">
      <div className="flex min-w-0 flex-1 flex-col gap-1.5">
        <p className="flex flex-wrap justify-between gap-x-4">
          <span className="font-medium break-all">{file.name}</span>
          <span className="text-[13px] text-muted">{describe(item)}</span>
        </p>
        {problem ? (
          <p role="alert" className="text-[13px]">
            <span className="font-medium text-fail">{problem.title}.</span>{" "}
            {problem.detail ? `${problem.detail} ` : ""}
            {uploadAdvice(problem.status)}
          </p>
        ) : (
          <ProgressBar done={state === "received" ? 1 : sent} total={state === "received" ? 1 : Math.max(1, file.size)} label={`Upload of ${file.name}`} />
        )}
      </div>
      {state === "refused" && (
        <Button size="small" onClick={onRetry}>
          Try again
        </Button>
      )}
      {state !== "received" && (
        <Button look="quiet" size="icon-small" onClick={onDismiss} aria-label={`${state === "refused" ? "Dismiss" : "Stop"} ${file.name}`}>
          <X />
        </Button>
      )}
    </li>
  );
}

function describe({ file, sent, state }: UploadItem): string {
  if (state === "waiting") return `${formatBytes(file.size)}, waiting`;
  if (state === "refused") return "Not uploaded";
  if (state === "received") return "Received";
  return sent >= file.size ? "Sent, being checked" : `${formatBytes(sent)} of ${formatBytes(file.size)}`;
}
