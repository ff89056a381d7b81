import { Link } from "@tanstack/react-router";
import type { FoundPassage } from "@/api/types";

/** What was found, the best first; each opens its document at the place. */
export function PassageList({ passages }: { passages: FoundPassage[] }) {
  if (passages.length === 0) return null;
  return (
    <ol aria-label="Passages found" className="flex flex-col border-t">
      {passages.map((passage, index) => (
        <Item key={passage.chunk_id} passage={passage} rank={index + 1} />
      ))}
    </ol>
  );
}

function Item({ passage, rank }: { passage: FoundPassage; rank: number }) {
  const { document_id: document, start, end, heading_path: headings, page } = passage;
  const where = [page === null ? "" : `Page ${page}`, ...headings].filter(Boolean).join(" › ");
  return (
    <li className="flex gap-3 border-b py-4">
      <span aria-hidden className="w-6 shrink-0 text-right text-[13px] leading-5 text-muted tabular-nums">
        {rank}
      </span>
      <div className="flex min-w-0 flex-1 flex-col gap-1">
        <div className="flex items-baseline justify-between gap-4">
          <Link
            from="/search"
            to="."
            search={({ q, in: within }) => ({ q, in: within, document, start, end })}
            resetScroll={false}
            className="min-w-0 font-medium break-words underline-offset-4 hover:underline"
          >
            {passage.document}
          </Link>
          <span className="shrink-0 font-mono text-[12px] text-muted">{passage.score.toFixed(3)}</span>
        </div>
        {where && <p className="text-[13px] break-words text-muted">{where}</p>}
        <p className="reading line-clamp-4 text-[15px] leading-6 whitespace-pre-line">{excerpt(passage)}</p>
      </div>
    </li>
  );
}

/** The words without the heading, which stands above them, and without empty lines. */
function excerpt({ text, heading_path: headings }: FoundPassage): string {
  const heading = headings.at(-1) ?? "";
  const rest = text.trimStart();
  return (heading && rest.startsWith(heading) ? rest.slice(heading.length) : rest).trim().replace(/\n\s*\n/g, "\n");
}
