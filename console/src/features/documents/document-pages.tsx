import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { ChevronLeft, ChevronRight } from "lucide-react";
import { useEffect, useState } from "react";
import { allRows } from "@/api/pages";
import type { Chunk, DocumentText } from "@/api/types";
import { Empty, Failure } from "@/components/states";
import { Button } from "@/components/ui/button";
import { SkeletonLines } from "@/components/ui/skeleton";
import { chunksQuery, documentTextQuery } from "@/features/documents/api";
import { outlinesOn } from "@/features/documents/chunk-outlines";
import { PageImage } from "@/features/documents/page-image";

const route = getRouteApi("/app/documents/$documentId");

/** The pages of a document as they were printed, with the outline of each chunk on them. */
export function DocumentPages({ documentId }: { documentId: string }) {
  const { data, error, refetch } = useQuery(documentTextQuery(documentId));
  if (error) return <Failure error={error} title="The pages can't be shown" onRetry={() => void refetch()} />;
  if (!data) return <SkeletonLines count={12} />;
  if (data.pages.length === 0) return <Empty title="No pages">This format has no pages; its text is under Text.</Empty>;
  return <Pages documentId={documentId} pages={data.pages} />;
}

function Pages({ documentId, pages }: { documentId: string; pages: DocumentText["pages"] }) {
  const { page: wanted, start } = route.useSearch();
  const navigate = route.useNavigate();
  const at = Math.max(0, pages.findIndex((each) => (wanted === undefined ? start !== undefined && start < each.end : each.number === wanted)));
  const page = pages[at];
  const { chunks, error } = useChunksOn(documentId, page);
  const [chosen, setChosen] = useState<string | null>(null);
  if (!page) return null;
  const outlines = outlinesOn(page.number, chunks);
  const open = outlines.find(({ chunk }) => chunk.id === chosen) ?? outlines.find(({ chunk }) => chunk.start === start);
  const turn = (by: number) => void navigate({ search: (now) => ({ ...now, page: pages[at + by]?.number, start: undefined, end: undefined }), replace: true });
  return (
    <div className="flex flex-col gap-4">
      <div className="flex items-center justify-between gap-3">
        <p className="text-muted">
          {outlines.length === 1 ? "1 chunk" : `${outlines.length} chunks`} on this page{outlines.length > 0 && "; choose one to see its lines"}
        </p>
        <div className="flex shrink-0 items-center gap-1 whitespace-nowrap tabular-nums">
          <Button look="quiet" size="icon-small" onClick={() => turn(-1)} disabled={at === 0} aria-label="Previous page">
            <ChevronLeft />
          </Button>
          {at + 1} of {pages.length}
          <Button look="quiet" size="icon-small" onClick={() => turn(1)} disabled={at === pages.length - 1} aria-label="Next page">
            <ChevronRight />
          </Button>
        </div>
      </div>
      {error !== null && <Failure error={error} title="The chunks can't be drawn" />}
      <PageImage
        key={page.number}
        documentId={documentId}
        page={{ number: page.number, width: page.width ?? 0, height: page.height ?? 0 }}
        boxes={open ? open.chunk.boxes.filter((box) => box.page === page.number) : []}
        outlines={outlines.map(({ chunk, box }) => ({ id: chunk.id, label: `Chunk ${chunk.ordinal + 1}`, box, chosen: chunk === open?.chunk }))}
        onOutline={setChosen}
      />
      {open && <ChosenChunk chunk={open.chunk} />}
    </div>
  );
}

function ChosenChunk({ chunk }: { chunk: Chunk }) {
  return (
    <section aria-label={`Chunk ${chunk.ordinal + 1}`} className="flex flex-col gap-2 rounded-md border bg-sheet p-4">
      <p className="text-[13px] text-muted">{chunk.heading_path.join(" › ") || `Chunk ${chunk.ordinal + 1}`}</p>
      <p className="reading text-[15px] leading-6 whitespace-pre-line">{chunk.text}</p>
    </section>
  );
}

/** The chunks that touch the page. */
function useChunksOn(documentId: string, page: { start: number; end: number } | undefined): { chunks: Chunk[]; error: unknown } {
  const query = useInfiniteQuery({ ...chunksQuery(documentId, page && { start: page.start, end: page.end }), enabled: page !== undefined });
  const { hasNextPage, isFetching, isError, fetchNextPage } = query;
  useEffect(() => {
    if (hasNextPage && !isFetching && !isError) void fetchNextPage();
  }, [hasNextPage, isFetching, isError, fetchNextPage]);
  return { chunks: allRows(query.data) ?? [], error: query.error };
}
