import { useEffect, useRef, useState } from "react";
import type { PageBox } from "@/api/types";
import { Skeleton } from "@/components/ui/skeleton";
import { boxOnPage } from "@/features/documents/page-boxes";
import { cn } from "@/lib/classes";

export type ShownPage = { number: number; width: number; height: number };

type PageImageProps = {
  documentId: string;
  page: ShownPage;
  boxes: PageBox[];
  /** What the boxes mark: words to be read, or the outline of a chunk. */
  marks: "quote" | "outline";
};

/** A page of a document as it was printed, with lines of its text marked. The paper stays light in both themes. */
export function PageImage({ documentId, page, boxes, marks }: PageImageProps) {
  const [state, setState] = useState<"loading" | "shown" | "failed">("loading");
  const ratio = page.width && page.height ? `${page.width} / ${page.height}` : "1 / 1.414";
  if (state === "failed") return <p className="text-muted">Page {page.number} can’t be shown as an image. Its text is under Text.</p>;
  return (
    <figure className="flex flex-col gap-2" data-testid="page-image" data-page={page.number}>
      <div className="relative w-full overflow-hidden rounded-sm border bg-well" style={{ aspectRatio: ratio }}>
        {state === "loading" && <Skeleton className="absolute inset-0 h-full rounded-none" />}
        <img
          src={`/api/v1/documents/${encodeURIComponent(documentId)}/pages/${page.number}/image`}
          alt={`Page ${page.number} of the document`}
          onLoad={() => setState("shown")}
          onError={() => setState("failed")}
          className={cn("absolute inset-0 size-full", state === "loading" && "opacity-0")}
        />
        {state === "shown" && boxes.map((box, index) => <Mark key={index} box={box} page={page} marks={marks} first={index === 0} />)}
      </div>
      <figcaption className="text-[13px] text-muted">Page {page.number}</figcaption>
    </figure>
  );
}

type MarkProps = { box: PageBox; page: ShownPage; marks: PageImageProps["marks"]; first: boolean };

function Mark({ box, page, marks, first }: MarkProps) {
  const place = boxOnPage(box, page);
  const element = useRef<HTMLSpanElement>(null);
  useEffect(() => {
    if (first) element.current?.scrollIntoView({ block: "center" });
  }, [first]);
  return (
    <span
      ref={element}
      aria-hidden
      data-testid="page-box"
      className={cn("absolute rounded-[2px]", marks === "quote" ? "bg-page-mark mix-blend-multiply" : "border border-page-line")}
      style={place}
    />
  );
}
