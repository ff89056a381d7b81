import { useQuery } from "@tanstack/react-query";
import { useEffect, useMemo, useRef, useState } from "react";
import { Failure } from "@/components/states";
import { Button } from "@/components/ui/button";
import { SkeletonLines } from "@/components/ui/skeleton";
import { documentTextQuery, quoteQuery } from "@/features/documents/api";
import { splitAt } from "@/lib/code-points";

export type Place = { start: number; end: number };
type TextViewProps = { documentId: string; place?: Place | undefined };

/** How much text the platform gives at once; whole books would make the page slow. */
const AT_ONCE = 20_000;

/** The stored text of a document in serif, at first around a place in it, which is highlighted and scrolled to. */
export function DocumentTextView({ documentId, place }: TextViewProps) {
  return <TextView key={`${documentId} ${place?.start} ${place?.end}`} documentId={documentId} place={place} />;
}

function TextView({ documentId, place = { start: 0, end: 0 } }: TextViewProps) {
  const [whole, setWhole] = useState(false);
  const aside = Math.max(0, Math.floor((AT_ONCE - (place.end - place.start)) / 2));
  const start = Math.max(0, place.start - aside);
  const end = start + AT_ONCE;
  const part = useQuery({ ...quoteQuery({ documentId, start, end }), enabled: !whole });
  const all = useQuery({ ...documentTextQuery(documentId), enabled: whole });
  const { error, refetch } = whole ? all : part;
  const shown = whole ? all.data && { text: all.data.text, from: 0, isCut: false } : part.data && { text: part.data.text, from: start, isCut: part.data.end >= end };
  if (error) return <Failure error={error} title="The text can't be shown" onRetry={() => void refetch()} />;
  if (!shown) return <SkeletonLines count={12} />;
  const showWhole = (
    <Button size="small" onClick={() => setWhole(true)}>
      Show the whole text
    </Button>
  );
  return (
    <div className="flex flex-col items-start gap-4">
      {shown.from > 0 && showWhole}
      <PlacedText key={String(whole)} text={shown.text} start={place.start - shown.from} end={place.end - shown.from} />
      {shown.isCut && showWhole}
    </div>
  );
}

function PlacedText({ text, start, end }: Place & { text: string }) {
  const mark = useRef<HTMLElement>(null);
  const { before, inside, after } = useMemo(() => splitAt(text, start, end), [text, start, end]);
  useEffect(() => {
    mark.current?.scrollIntoView({ block: "center" });
  }, []);
  return (
    <div className="reading w-full text-[16px] leading-[26px] whitespace-pre-wrap" data-testid="document-text">
      {before}
      {inside && (
        <mark ref={mark} data-testid="quote" className="rounded-sm py-0.5">
          {inside}
        </mark>
      )}
      {after}
    </div>
  );
}
