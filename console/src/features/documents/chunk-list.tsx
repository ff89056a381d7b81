import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { allRows } from "@/api/pages";
import type { Chunk, Document } from "@/api/types";
import { LoadMore } from "@/components/load-more";
import { Empty, Failure } from "@/components/states";
import { SkeletonLines } from "@/components/ui/skeleton";
import { chunksQuery } from "@/features/documents/api";
import { hasPageImages } from "@/features/documents/kinds";
import { formatNumber } from "@/lib/format";

/** The pieces a document was split into, each with where it stands. */
export function ChunkList({ document }: { document: Document }) {
  const query = useInfiniteQuery(chunksQuery(document.id));
  const tab = hasPageImages(document) ? "pages" : "text";
  const chunks = allRows(query.data);
  if (query.error && !chunks) return <Failure error={query.error} title="The chunks can't be listed" onRetry={() => void query.refetch()} />;
  if (!chunks) return <SkeletonLines count={8} />;
  if (chunks.length === 0) return <Empty title="No chunks">This document holds no text that could be indexed.</Empty>;
  return (
    <div className="flex flex-col gap-4">
      <ol aria-label="Chunks" className="flex flex-col gap-3">
        {chunks.map((chunk) => (
          <ChunkItem key={chunk.id} chunk={chunk} tab={tab} />
        ))}
      </ol>
      <LoadMore query={query} />
    </div>
  );
}

function ChunkItem({ chunk, tab }: { chunk: Chunk; tab: "pages" | "text" }) {
  return (
    <li className="flex flex-col gap-2 rounded-md border bg-sheet p-4">
      <div className="flex flex-wrap justify-between gap-x-4 gap-y-1 text-[13px] text-muted">
        <span className="min-w-0 break-words">{chunk.heading_path.join(" › ") || `Chunk ${chunk.ordinal + 1}`}</span>
        <Link
          from="/documents/$documentId"
          to="."
          search={(now) => ({ ...now, tab, page: undefined, start: chunk.start, end: chunk.end })}
          className="whitespace-nowrap underline underline-offset-4 hover:text-ink"
        >
          {chunk.page !== null && `Page ${chunk.page}, `}
          {formatNumber(chunk.start)}–{formatNumber(chunk.end)}
        </Link>
      </div>
      <p className="reading line-clamp-6 text-[15px] leading-6 whitespace-pre-line">{chunk.text}</p>
    </li>
  );
}
