import { useQuery } from "@tanstack/react-query";
import { Markdown } from "@/components/markdown";
import { MonoBlock } from "@/components/mono";
import { Failure } from "@/components/states";
import { Drawer } from "@/components/ui/overlay";
import { SkeletonLines } from "@/components/ui/skeleton";
import { artifactQuery } from "@/features/tasks/api";

type ArtifactDrawerProps = { taskId: string; artifactId: string; onClose: () => void };

export function ArtifactDrawer({ taskId, artifactId, onClose }: ArtifactDrawerProps) {
  const { data, error, refetch } = useQuery(artifactQuery(taskId, artifactId));
  return (
    <Drawer open onClose={onClose} testId="artifact-drawer" title={data?.title ?? "Report"}>
      {error && <Failure error={error} title="The report can't be shown" onRetry={() => void refetch()} />}
      {!data && !error && <SkeletonLines count={10} />}
      {data && (data.media_type.startsWith("text/markdown") ? <Markdown text={data.text} /> : <MonoBlock text={data.text} className="max-h-none" />)}
    </Drawer>
  );
}
