import { Slot } from "radix-ui";
import type { ReactNode } from "react";
import type { Citation } from "@/api/types";
import { HoverCard } from "@/components/ui/hover-card";
import { VerifiedQuote } from "@/features/citations/verified-quote";

/** `children`: the link that opens the source, with nothing but the number in it. */
type CitationMarkProps = { number: number; citation: Citation; children: ReactNode };

/** The number of a source in the text: shows the quote on hover and focus, opens the document at it. */
export function CitationMark({ number, citation, children }: CitationMarkProps) {
  return (
    <HoverCard
      card={
        <div className="flex flex-col gap-2">
          {citation.quote && <blockquote className="reading line-clamp-8 text-[15px] leading-6">“{citation.quote.trim()}”</blockquote>}
          <p className="text-[13px] font-medium break-words">{citation.document || "Withheld"}</p>
          <VerifiedQuote verified={citation.verified} />
        </div>
      }
    >
      <Slot.Root
        data-testid="citation"
        aria-label={`Source ${number}: ${citation.document || "withheld"}`}
        className="mx-0.5 inline-grid h-[17px] min-w-[17px] place-items-center rounded-sm border border-seal px-1 align-text-top mt-[3px] font-sans text-[11px] leading-none font-semibold text-seal no-underline hover:bg-seal hover:text-on-seal"
      >
        {children}
      </Slot.Root>
    </HoverCard>
  );
}
