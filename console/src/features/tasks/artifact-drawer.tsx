import { useQuery } from "@tanstack/react-query";
import { lazy, Suspense } from "react";
import { MonoBlock } from "@/components/mono";
import { Failure } from "@/components/states";
import { Drawer } from "@/components/ui/overlay";
import { SkeletonLines } from "@/components/ui/skeleton";
import { artifactQuery } from "@/features/tasks/api";

/** The renderer is a quarter of the console; it is fetched when the first report is opened. */
const Markdown = lazy(async () => ({ default: (await import("@/components/markdown")).Markdown }));

type ArtifactDrawerProps = { taskId: string; artifactId: string; onClose: () => void };

export function ArtifactDrawer({ taskId, artifactId, onClose }: ArtifactDrawerProps) {
  const { data, error, refetch } = useQuery(artifactQuery(taskId, artifactId));
  return (
    <Drawer open onClose={onClose} testId="artifact-drawer" title={data?.title ?? "Report"}>
      {error && <Failure error={error} title="The report can't be shown" onRetry={() => void refetch()} />}
      {!data && !error && <SkeletonLines count={10} />}
      {data && (data.text === null ? <p className="text-muted">Withheld: you may not read what this report was made of.</p> : <ArtifactText mediaType={data.media_type} text={data.text} />)}
    </Drawer>
  );
}

function ArtifactText({ mediaType, text }: { mediaType: string; text: string }) {
  if (!mediaType.startsWith("text/markdown")) return <MonoBlock text={text} className="max-h-none" />;
  return (
    <Suspense fallback={<SkeletonLines count={10} />}>
      <Markdown text={text} />
    </Suspense>
  );
}
