import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import type { Quote } from "@/api/types";
import { Failure } from "@/components/states";
import { Button } from "@/components/ui/button";
import { Drawer } from "@/components/ui/overlay";
import { SkeletonLines } from "@/components/ui/skeleton";
import { Tabs } from "@/components/ui/tabs";
import { quoteQuery } from "@/features/documents/api";
import { DocumentTextView, type Place } from "@/features/documents/document-text";
import { PageImage } from "@/features/documents/page-image";

export type SourceView = "page" | "text" | "why";

type SourceDrawerProps = {
  title: string;
  documentId: string;
  place: Place;
  /** What was quoted there, to be compared with what the document says. */
  sha256?: string | undefined;
  /** Why the answer cites this place, if it does. */
  why?: ReactNode;
  view: SourceView | undefined;
  onView: (view: SourceView) => void;
  onClose: () => void;
};

/** A document opened at a place: its page with the words marked, its text with them marked, and why they were cited. */
export function SourceDrawer({ title, documentId, place, sha256, why, view, onView, onClose }: SourceDrawerProps) {
  const { data: quote, error, refetch } = useQuery(quoteQuery({ documentId, ...place, sha256 }));
  return (
    <Drawer
      open
      onClose={onClose}
      testId="place-drawer"
      title={title || quote?.title || "Document"}
      footer={
        <Button asChild>
          <Link to="/documents/$documentId" params={{ documentId }} search={{ tab: "text", ...place }}>
            Open in Documents
          </Link>
        </Button>
      }
    >
      {error && <Failure error={error} title="The source can't be shown" kept="The answer keeps the words it quoted" onRetry={() => void refetch()} />}
      {!quote && !error && <SkeletonLines count={12} />}
      {quote && (
        <div className="flex flex-col gap-4">
          {quote.verified === false && (
            <p role="alert" className="rounded-md border border-fail/40 bg-fail-wash px-4 py-3">
              The document has changed since: these are not the words that were quoted.
            </p>
          )}
          <Views quote={quote} place={place} why={why} view={view} onView={onView} />
        </div>
      )}
    </Drawer>
  );
}

type ViewsProps = Pick<SourceDrawerProps, "place" | "why" | "view" | "onView"> & { quote: Quote };

function Views({ quote, place, why, view, onView }: ViewsProps) {
  const hasPages = quote.pages.length > 0;
  const tabs = [
    ...(hasPages ? [{ value: "page", label: "Page", content: <QuotedPages quote={quote} /> }] : []),
    { value: "text", label: "Text", content: <DocumentTextView documentId={quote.document_id} place={place} /> },
    ...(why ? [{ value: "why", label: "Why this was cited", content: why }] : []),
  ];
  const shown = tabs.some(({ value }) => value === view) ? view : undefined;
  return <Tabs label="Source" value={shown ?? (hasPages ? "page" : "text")} onChange={(next) => onView(next as SourceView)} tabs={tabs} />;
}

function QuotedPages({ quote }: { quote: Quote }) {
  return (
    <div className="flex flex-col gap-5">
      <blockquote data-testid="quote" className="reading border-l-2 border-seal pl-4 text-[15px] leading-6">
        “{quote.text.trim()}”
      </blockquote>
      {quote.pages.map((page) => (
        <PageImage key={`${quote.sha256} ${page.number}`} documentId={quote.document_id} page={page} boxes={page.boxes} />
      ))}
    </div>
  );
}
