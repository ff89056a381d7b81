import { getRouteApi } from "@tanstack/react-router";
import type { Citation, Task } from "@/api/types";
import { SourceDrawer, type SourceView } from "@/features/citations/source-drawer";
import { whyCited } from "@/features/citations/why-cited";
import { WhyPanel } from "@/features/citations/why-panel";
import { ArtifactDrawer } from "@/features/tasks/artifact-drawer";
import { CallDrawer } from "@/features/tasks/call-drawer";
import type { RunView } from "@/features/tasks/run-view";

const route = getRouteApi("/app/tasks/$taskId");

/** Whichever detail the address names: a source, a passage, a model call or a report. */
export function TaskDrawers({ task, run }: { task: Task; run: RunView }) {
  const { source, document, start, end, call, artifact, view } = route.useSearch();
  const navigate = route.useNavigate();
  const close = () => void navigate({ search: {}, resetScroll: false });
  const show = (next: SourceView) => void navigate({ search: (now) => ({ ...now, view: next }), resetScroll: false, replace: true });

  if (source !== undefined) {
    const citation = (task.status === "completed" ? task.citations : run.citations)[source - 1];
    if (!citation) return null;
    return (
      <SourceDrawer
        key={source}
        title={citation.document}
        documentId={citation.document_id}
        place={{ start: citation.start, end: citation.end }}
        sha256={citation.quote_sha256}
        why={<WhyPanel citation={citation} why={whyOf(citation, run)} />}
        view={view}
        onView={show}
        onClose={close}
      />
    );
  }
  if (document !== undefined) {
    const passages = run.steps.flatMap((step) => step.retrievals.flatMap((retrieval) => retrieval.passages));
    const title = passages.find((passage) => passage.document_id === document)?.document ?? "Document";
    const place = { start: start ?? 0, end: end ?? 0 };
    return <SourceDrawer title={title} documentId={document} place={place} view={view} onView={show} onClose={close} />;
  }
  if (call !== undefined) return <CallDrawer call={run.calls.find(({ id }) => id === call)} onClose={close} />;
  if (artifact !== undefined) return <ArtifactDrawer taskId={task.id} artifactId={artifact} onClose={close} />;
  return null;
}

function whyOf(citation: Citation, run: RunView) {
  const searches = run.steps.flatMap((step) => step.retrievals);
  const lines = run.steps.flatMap((step) => step.readings.map((reading) => reading.lines));
  return whyCited(citation, searches, lines);
}
