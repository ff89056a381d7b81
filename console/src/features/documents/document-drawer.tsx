import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { Download, Trash2 } from "lucide-react";
import { useState } from "react";
import { ApiError } from "@/api/problem";
import type { Document } from "@/api/types";
import { Copyable } from "@/components/copyable";
import { Facts } from "@/components/facts";
import { Failure } from "@/components/states";
import { Status } from "@/components/status";
import { Time } from "@/components/time";
import { Button } from "@/components/ui/button";
import { Confirm, Drawer } from "@/components/ui/overlay";
import { SkeletonLines } from "@/components/ui/skeleton";
import { Tabs } from "@/components/ui/tabs";
import { documentQuery, useDeleteDocument } from "@/features/documents/api";
import { ChunkList } from "@/features/documents/chunk-list";
import { DocumentTextView } from "@/features/documents/document-text";
import { useMay } from "@/features/session/api";
import { formatBytes, formatNumber, plural } from "@/lib/format";

const route = getRouteApi("/app/documents/$documentId");

export function DocumentDrawer() {
  const { documentId } = route.useParams();
  const { tab, start, end } = route.useSearch();
  const navigate = route.useNavigate();
  const { data, error, refetch } = useQuery(documentQuery(documentId));
  const close = () => void navigate({ to: "/documents", search: ({ collection, status }) => ({ collection, status }) });
  const place = start !== undefined && end !== undefined ? { start, end } : undefined;

  return (
    <Drawer
      open
      onClose={close}
      testId="document-drawer"
      title={data?.name ?? "Document"}
      footer={data && <DocumentActions document={data} onDeleted={close} />}
    >
      {error && !data && <Failure error={error} title="The document can't be shown" onRetry={() => void refetch()} />}
      {!data && !error && <SkeletonLines count={8} />}
      {data && (
        <div className="flex flex-col gap-6">
          <DocumentFacts document={data} />
          {data.status === "rejected" && data.problem && (
            <Failure error={new ApiError(data.problem)} kept="The file is kept so that you can look at it or delete it" />
          )}
          {data.status === "ready" && (
            <Tabs
              label="Content"
              value={tab ?? "chunks"}
              onChange={(next) => void navigate({ search: (now) => ({ ...now, tab: next === "text" ? "text" : undefined }), replace: true })}
              tabs={[
                { value: "chunks", label: `Chunks (${formatNumber(data.chunk_count)})`, content: <ChunkList documentId={data.id} /> },
                { value: "text", label: "Text", content: <DocumentTextView documentId={data.id} place={place} /> },
              ]}
            />
          )}
        </div>
      )}
    </Drawer>
  );
}

function DocumentFacts({ document }: { document: Document }) {
  return (
    <Facts
      facts={[
        ["Status", <Status key="status" value={document.status} />],
        ["Type", document.media_type],
        ["Size", formatBytes(document.bytes)],
        ["Added", <Time key="created" at={document.created_at} />],
        ["SHA-256", <Copyable key="hash" value={document.sha256} what="hash" />],
        ["Id", <Copyable key="id" value={document.id} what="document id" />],
      ]}
    />
  );
}

function DocumentActions({ document, onDeleted }: { document: Document; onDeleted: () => void }) {
  const [asking, setAsking] = useState(false);
  const remove = useDeleteDocument();
  const may = useMay();
  return (
    <>
      <Button asChild>
        <a href={`/api/v1/documents/${document.id}/content`} download={document.name}>
          <Download aria-hidden /> Download
        </a>
      </Button>
      {may("documents.write") && (
        <Button look="danger" onClick={() => setAsking(true)}>
          <Trash2 aria-hidden /> Delete
        </Button>
      )}
      <Confirm
        open={asking}
        onClose={() => setAsking(false)}
        onConfirm={() => remove.mutate(document.id, { onSuccess: onDeleted })}
        busy={remove.isPending}
        title={`Delete “${document.name}”?`}
        consequence={`Its text and ${plural(document.chunk_count, "chunk")} leave the index, and agents can no longer read or cite it. Finished answers keep the quotes they made. This can't be undone.`}
        action="Delete the document"
      >
        {remove.error && <Failure error={remove.error} title="The document was not deleted" />}
      </Confirm>
    </>
  );
}
