import { ZoomIn, ZoomOut } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import type { PageBox } from "@/api/types";
import { Button } from "@/components/ui/button";
import { Skeleton } from "@/components/ui/skeleton";
import { boxOnPage } from "@/features/documents/page-boxes";
import { cn } from "@/lib/classes";

export type ShownPage = { number: number; width: number; height: number };
type Outline = { id: string; label: string; box: PageBox; chosen: boolean };

type PageImageProps = {
  documentId: string;
  page: ShownPage;
  /** Lines whose words are marked as with a pen. */
  boxes: PageBox[];
  outlines?: Outline[];
  onOutline?: (id: string) => void;
};

/** Wide enough to be read on a phone, and to see on a desk how a letter was printed. */
const LARGE = "max(160%, 900px)";

/** A page of a document as it was printed, with lines of its text marked. The paper stays light in both themes. */
export function PageImage({ documentId, page, boxes, outlines = [], onOutline }: PageImageProps) {
  const [state, setState] = useState<"loading" | "shown" | "failed">("loading");
  const [large, setLarge] = useState(false);
  const aspectRatio = page.width && page.height ? `${page.width} / ${page.height}` : "1 / 1.414";
  if (state === "failed") return <p className="text-muted">Page {page.number} can’t be shown as an image. Its text is under Text.</p>;
  return (
    <figure className="flex flex-col gap-2" data-testid="page-image" data-page={page.number} data-state={state}>
      <div className="overflow-x-auto rounded-sm border bg-well">
        <div className="relative overflow-hidden" style={{ aspectRatio, width: large ? LARGE : "100%" }}>
          {state === "loading" && <Skeleton className="absolute inset-0 h-full rounded-none" />}
          <img
            src={`/api/v1/documents/${encodeURIComponent(documentId)}/pages/${page.number}/image`}
            alt={`Page ${page.number} of the document`}
            onLoad={() => setState("shown")}
            onError={() => setState("failed")}
            className={cn("absolute inset-0 size-full", state === "loading" && "opacity-0")}
          />
          {state === "shown" && <Marks page={page} boxes={boxes} comesIntoView={large || outlines.length === 0} key={String(large)} />}
          {state === "shown" && outlines.map((outline) => <ChunkOutline key={outline.id} outline={outline} page={page} onChoose={onOutline} />)}
        </div>
      </div>
      <figcaption className="flex items-center justify-between gap-3 text-[13px] text-muted">
        Page {page.number}
        <Button look="quiet" size="small" onClick={() => setLarge(!large)} aria-label={`${large ? "Whole page" : "Enlarge"} ${page.number}`}>
          {large ? <ZoomOut aria-hidden /> : <ZoomIn aria-hidden />} {large ? "Whole page" : "Enlarge"}
        </Button>
      </figcaption>
    </figure>
  );
}

function Marks({ page, boxes, comesIntoView }: { page: ShownPage; boxes: PageBox[]; comesIntoView: boolean }) {
  const first = useRef<HTMLSpanElement>(null);
  useEffect(() => {
    if (comesIntoView) first.current?.scrollIntoView({ block: "center", inline: "center" });
  }, [comesIntoView]);
  return boxes.map((box, index) => (
    <span
      key={`${box.top}-${box.left}-${index}`}
      ref={index === 0 ? first : undefined}
      aria-hidden
      data-testid="page-box"
      className="absolute rounded-[2px] bg-page-mark mix-blend-multiply"
      style={boxOnPage(box, page)}
    />
  ));
}

type ChunkOutlineProps = { outline: Outline; page: ShownPage; onChoose: ((id: string) => void) | undefined };

function ChunkOutline({ outline: { id, label, box, chosen }, page, onChoose }: ChunkOutlineProps) {
  return (
    <button
      type="button"
      aria-label={label}
      aria-pressed={chosen}
      data-testid="chunk-outline"
      onClick={() => onChoose?.(id)}
      style={boxOnPage(box, page)}
      className={cn("absolute rounded-[2px] border border-page-line/50 hover:border-page-line", chosen && "border-2 border-page-line")}
    />
  );
}
