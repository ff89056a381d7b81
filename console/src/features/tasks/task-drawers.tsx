import { getRouteApi } from "@tanstack/react-router";
import type { Task } from "@/api/types";
import { ArtifactDrawer } from "@/features/tasks/artifact-drawer";
import { CallDrawer } from "@/features/tasks/call-drawer";
import { PlaceDrawer } from "@/features/tasks/place-drawer";
import type { RunView } from "@/features/tasks/run-view";

const route = getRouteApi("/app/tasks/$taskId");

/** Whichever detail the address names: a source, a passage, a model call or a report. */
export function TaskDrawers({ task, run }: { task: Task; run: RunView }) {
  const { source, document, start, end, call, artifact } = route.useSearch();
  const navigate = route.useNavigate();
  const close = () => void navigate({ search: {}, resetScroll: false });

  if (source !== undefined) {
    const citation = (task.status === "completed" ? task.citations : run.citations)[source - 1];
    if (!citation) return null;
    const { document_id: documentId, document: title, start: from, end: to } = citation;
    return <PlaceDrawer key={source} title={title} documentId={documentId} place={{ start: from, end: to }} onClose={close} />;
  }
  if (document !== undefined) {
    const passages = run.steps.flatMap((step) => step.retrievals.flatMap((retrieval) => retrieval.passages));
    const title = passages.find((passage) => passage.document_id === document)?.document ?? "Document";
    return <PlaceDrawer title={title} documentId={document} place={{ start: start ?? 0, end: end ?? 0 }} onClose={close} />;
  }
  if (call !== undefined) return <CallDrawer call={run.calls.find(({ id }) => id === call)} onClose={close} />;
  if (artifact !== undefined) return <ArtifactDrawer taskId={task.id} artifactId={artifact} onClose={close} />;
  return null;
}
