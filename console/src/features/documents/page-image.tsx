import { useEffect, useRef, useState } from "react";
import type { PageBox } from "@/api/types";
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

/** A page of a document as it was printed, with lines of its text marked. The paper stays light in both themes. */
export function PageImage({ documentId, page, boxes, outlines = [], onOutline }: PageImageProps) {
  const [state, setState] = useState<"loading" | "shown" | "failed">("loading");
  const ratio = page.width && page.height ? `${page.width} / ${page.height}` : "1 / 1.414";
  if (state === "failed") return <p className="text-muted">Page {page.number} can’t be shown as an image. Its text is under Text.</p>;
  return (
    <figure className="flex flex-col gap-2" data-testid="page-image" data-page={page.number} data-state={state}>
      <div className="relative w-full overflow-hidden rounded-sm border bg-well" style={{ aspectRatio: ratio }}>
        {state === "loading" && <Skeleton className="absolute inset-0 h-full rounded-none" />}
        <img
          src={`/api/v1/documents/${encodeURIComponent(documentId)}/pages/${page.number}/image`}
          alt={`Page ${page.number} of the document`}
          onLoad={() => setState("shown")}
          onError={() => setState("failed")}
          className={cn("absolute inset-0 size-full", state === "loading" && "opacity-0")}
        />
        {state === "shown" && (
          <>
            {boxes.map((box, index) => (
              <Mark key={`${box.top}-${box.left}-${index}`} box={box} page={page} comesIntoView={index === 0 && outlines.length === 0} />
            ))}
            {outlines.map((outline) => (
              <button
                key={outline.id}
                type="button"
                aria-label={outline.label}
                aria-pressed={outline.chosen}
                data-testid="chunk-outline"
                onClick={() => onOutline?.(outline.id)}
                style={boxOnPage(outline.box, page)}
                className={cn("absolute rounded-[2px] border border-page-line/50 hover:border-page-line", outline.chosen && "border-2 border-page-line")}
              />
            ))}
          </>
        )}
      </div>
      <figcaption className="text-[13px] text-muted">Page {page.number}</figcaption>
    </figure>
  );
}

function Mark({ box, page, comesIntoView }: { box: PageBox; page: ShownPage; comesIntoView: boolean }) {
  const element = useRef<HTMLSpanElement>(null);
  useEffect(() => {
    if (comesIntoView) element.current?.scrollIntoView({ block: "center" });
  }, [comesIntoView]);
  return (
    <span
      ref={element}
      aria-hidden
      data-testid="page-box"
      className="absolute rounded-[2px] bg-page-mark mix-blend-multiply"
      style={boxOnPage(box, page)}
    />
  );
}
