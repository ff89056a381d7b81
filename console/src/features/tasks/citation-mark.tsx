import { Link } from "@tanstack/react-router";
import type { Citation } from "@/api/types";
import { HoverCard } from "@/components/ui/hover-card";
import { VerifiedQuote } from "@/features/tasks/verified-quote";

type CitationMarkProps = { number: number; citation: Citation };

/** The number of a source in the text: shows the quote on hover and focus, opens the document at it. */
export function CitationMark({ number, citation }: CitationMarkProps) {
  return (
    <HoverCard
      card={
        <div className="flex flex-col gap-2">
          <blockquote className="reading line-clamp-8 text-[15px] leading-6">“{citation.quote.trim()}”</blockquote>
          <p className="text-[13px] font-medium break-words">{citation.document}</p>
          <VerifiedQuote verified={citation.verified} />
        </div>
      }
    >
      <Link
        from="/tasks/$taskId"
        to="."
        search={(now) => ({ ...now, source: number })}
        resetScroll={false}
        data-testid="citation"
        aria-label={`Source ${number}: ${citation.document}`}
        className="mx-0.5 inline-grid h-[17px] min-w-[17px] place-items-center rounded-sm border border-seal px-1 align-text-top mt-[3px] font-sans text-[11px] leading-none font-semibold text-seal no-underline hover:bg-seal hover:text-on-seal"
      >
        {number}
      </Link>
    </HoverCard>
  );
}
