import { getRouteApi } from "@tanstack/react-router";
import type { Turn } from "@/api/types";
import { SourceDrawer, type SourceView } from "@/features/citations/source-drawer";
import { whyCited } from "@/features/citations/why-cited";
import { WhyPanel } from "@/features/citations/why-panel";
import type { TurnView } from "@/features/chat/turn-view";

const route = getRouteApi("/app/chat/$conversationId");

/** The source or passage of this turn that the address names. */
export function TurnDrawer({ turn, view: told }: { turn: Turn; view: TurnView }) {
  const { source, document, start, end, view } = route.useSearch();
  const navigate = route.useNavigate();
  const close = () => void navigate({ search: ({ at }) => ({ at }), resetScroll: false });
  const show = (next: SourceView) => void navigate({ search: (now) => ({ ...now, view: next }), resetScroll: false, replace: true });

  if (source !== undefined) {
    const citation = (turn.status === "completed" ? turn.citations : told.citations)[source - 1];
    if (!citation) return null;
    return (
      <SourceDrawer
        key={source}
        title={citation.document}
        documentId={citation.document_id}
        place={{ start: citation.start, end: citation.end }}
        sha256={citation.quote_sha256}
        why={<WhyPanel citation={citation} why={whyCited(citation, told.considered, told.lines)} />}
        view={view}
        onView={show}
        onClose={close}
      />
    );
  }
  if (document === undefined) return null;
  const passages = told.considered.flatMap((search) => search.passages);
  const title = passages.find((passage) => passage.document_id === document)?.document ?? "";
  const place = { start: start ?? 0, end: end ?? 0 };
  return <SourceDrawer title={title} documentId={document} place={place} view={view} onView={show} onClose={close} />;
}
