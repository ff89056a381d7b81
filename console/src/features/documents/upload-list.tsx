import { X } from "lucide-react";
import type { Collection } from "@/api/types";
import { Button } from "@/components/ui/button";
import { ProgressBar } from "@/components/ui/progress";
import { collectionName } from "@/features/documents/api";
import type { UploadItem } from "@/features/documents/upload-queue";
import { useUploads } from "@/features/documents/use-uploads";
import { formatBytes } from "@/lib/format";

/** How each file that is being uploaded is doing, whatever collection is looked at. */
export function UploadList({ collections }: { collections: Collection[] | undefined }) {
  const { items, queue } = useUploads();
  if (items.length === 0) return null;
  return (
    <ul aria-label="Uploads" className="flex flex-col rounded-md border">
      {items.map((item) => (
        <UploadRow
          key={item.id}
          item={item}
          into={collectionName(collections, item.collectionId)}
          onDismiss={() => queue.dismiss(item.id)}
          onRetry={() => queue.retry(item.id)}
        />
      ))}
    </ul>
  );
}

type UploadRowProps = { item: UploadItem; into: string; onDismiss: () => void; onRetry: () => void };

function UploadRow({ item, into, onDismiss, onRetry }: UploadRowProps) {
  const { file, sent, state, problem } = item;
  return (
    <li data-upload={state} className="flex items-start gap-3 border-b px-4 py-3 last:border-b-0">
      <div className="flex min-w-0 flex-1 flex-col gap-1.5">
        <p className="flex flex-wrap justify-between gap-x-4">
          <span className="min-w-0">
            <span className="font-medium break-all">{file.name}</span> <span className="text-[13px] text-muted">{into && `into ${into}`}</span>
          </span>
          <span className="text-[13px] text-muted tabular-nums">{describe(item)}</span>
        </p>
        {problem ? (
          <p role="alert" className="text-[13px]">
            <span className="font-medium text-fail">{problem.title}.</span>{" "}
            {problem.detail}
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
