import { useQuery } from "@tanstack/react-query";
import { useEffect, useMemo, useRef, useState } from "react";
import { Failure } from "@/components/states";
import { Button } from "@/components/ui/button";
import { SkeletonLines } from "@/components/ui/skeleton";
import { documentTextQuery } from "@/features/documents/api";
import { splitAt } from "@/lib/code-points";

export type Place = { start: number; end: number };

/** How much text around a place is put on the page at first; whole books would make it slow. */
const AROUND = 20_000;

/** The stored text of a document in serif; a place in it is highlighted and scrolled to. */
export function DocumentTextView({ documentId, place }: { documentId: string; place?: Place | undefined }) {
  const { data, error, refetch } = useQuery(documentTextQuery(documentId));
  if (error) return <Failure error={error} title="The text can't be shown" onRetry={() => void refetch()} />;
  if (!data) return <SkeletonLines count={12} />;
  return <PlacedText key={`${place?.start}-${place?.end}`} text={data.text} place={place} />;
}

function PlacedText({ text, place }: { text: string; place: Place | undefined }) {
  const [whole, setWhole] = useState(false);
  const mark = useRef<HTMLElement>(null);
  const { before, inside, after } = useMemo(() => splitAt(text, place?.start ?? 0, place?.end ?? 0), [text, place?.start, place?.end]);
  useEffect(() => {
    mark.current?.scrollIntoView({ block: "center" });
  }, []);

  const cutBefore = !whole && before.length > AROUND;
  const cutAfter = !whole && after.length > AROUND;
  const showWhole = (
    <Button size="small" onClick={() => setWhole(true)}>
      Show the whole text
    </Button>
  );
  return (
    <div className="flex flex-col items-start gap-4">
      {cutBefore && showWhole}
      <div className="reading w-full text-[16px] leading-[26px] whitespace-pre-wrap" data-testid="document-text">
        {cutBefore ? before.slice(-AROUND) : before}
        {inside && (
          <mark ref={mark} data-testid="quote" className="rounded-sm py-0.5">
            {inside}
          </mark>
        )}
        {cutAfter ? after.slice(0, AROUND) : after}
      </div>
      {cutAfter && showWhole}
    </div>
  );
}
