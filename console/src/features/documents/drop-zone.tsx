import { Upload } from "lucide-react";
import { useRef, useState, type DragEvent } from "react";
import { Button } from "@/components/ui/button";
import { cn } from "@/lib/classes";

type DropZoneProps = { into: string; onFiles: (files: FileList) => void };

/** Where files are dropped or chosen. */
export function DropZone({ into, onFiles }: DropZoneProps) {
  const input = useRef<HTMLInputElement>(null);
  const [over, setOver] = useState(false);
  const drop = (event: DragEvent) => {
    event.preventDefault();
    setOver(false);
    if (event.dataTransfer.files.length > 0) onFiles(event.dataTransfer.files);
  };
  return (
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
        <span className="font-medium break-words">Drop files to add them to {into}</span>
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
  );
}
