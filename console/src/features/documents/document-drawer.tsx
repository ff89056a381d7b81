import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import type { Collection, Document } from "@/api/types";
import { Facts } from "@/components/facts";
import { Failure } from "@/components/states";
import { Status } from "@/components/status";
import { Time } from "@/components/time";
import { Drawer } from "@/components/ui/overlay";
import { SkeletonLines } from "@/components/ui/skeleton";
import { Tabs } from "@/components/ui/tabs";
import { collectionsQuery, documentQuery } from "@/features/documents/api";
import { ChunkList } from "@/features/documents/chunk-list";
import { DocumentAccessTab } from "@/features/documents/document-access";
import { DocumentActions } from "@/features/documents/document-actions";
import { DocumentPages } from "@/features/documents/document-pages";
import { DocumentReportTab } from "@/features/documents/document-report";
import { DocumentTextView } from "@/features/documents/document-text";
import { hasPageImages, languageName, typeName } from "@/features/documents/kinds";
import { useMay } from "@/features/session/api";
import { formatBytes, formatDay, formatNumber, plural } from "@/lib/format";

const route = getRouteApi("/app/documents/$documentId");

export function DocumentDrawer() {
  const { documentId } = route.useParams();
  const navigate = route.useNavigate();
  const { data, error, refetch } = useQuery(documentQuery(documentId));
  const collections = useQuery(collectionsQuery);
  // What belongs to this document alone doesn't go along to the list.
  const close = () =>
    void navigate({
      to: "/documents",
      search: ({ tab: _tab, start: _start, end: _end, page: _page, person: _person, ...list }) => list,
    });
  return (
    <Drawer
      open
      onClose={close}
      testId="document-drawer"
      title={data ? (data.title ?? data.name) : "Document"}
      footer={data && <DocumentActions document={data} onDeleted={close} />}
    >
      {error && !data && <Failure error={error} title="The document can't be shown" onRetry={() => void refetch()} />}
      {!data && !error && <SkeletonLines count={8} />}
      {data && (
        <div className="flex flex-col gap-6">
          <DocumentFacts document={data} collections={collections.data} />
          <DocumentTabs document={data} />
        </div>
      )}
    </Drawer>
  );
}

const TABS = ["chunks", "pages", "text", "report", "access"] as const;
export type DocumentTab = (typeof TABS)[number];

function DocumentTabs({ document }: { document: Document }) {
  const { tab, start, end } = route.useSearch();
  const navigate = route.useNavigate();
  const may = useMay();
  const place = start !== undefined && end !== undefined ? { start, end } : undefined;
  const isReady = document.status === "ready";
  const tabs = [
    ...(isReady
      ? [
          { value: "chunks", label: `Chunks (${formatNumber(document.chunk_count)})`, content: <ChunkList document={document} /> },
          ...(hasPageImages(document) ? [{ value: "pages", label: "Pages", content: <DocumentPages key={document.sha256} documentId={document.id} /> }] : []),
          { value: "text", label: "Text", content: <DocumentTextView documentId={document.id} place={place} /> },
        ]
      : []),
    { value: "report", label: "Report", content: <DocumentReportTab document={document} /> },
    ...(may("collections.manage") ? [{ value: "access", label: "Access", content: <DocumentAccessTab document={document} /> }] : []),
  ];
  const shown = tabs.find(({ value }) => value === tab) ?? tabs[0];
  return (
    <Tabs
      label="About the document"
      value={shown?.value ?? "report"}
      onChange={(next) => void navigate({ search: (now) => ({ ...now, tab: TABS.find((each) => each === next) }), replace: true })}
      tabs={tabs}
    />
  );
}

function DocumentFacts({ document, collections }: { document: Document; collections: Collection[] | undefined }) {
  const collection = collections?.find(({ id }) => id === document.collection_id)?.name;
  const kind = [
    typeName(document.media_type),
    document.language && languageName(document.language),
    document.page_count > 0 && plural(document.page_count, "page"),
    formatBytes(document.bytes),
  ];
  return (
    <Facts
      facts={[
        ["Status", <Status key="status" value={document.status} />],
        ["File", document.name],
        ["Collection", collection],
        ["Kind", kind.filter(Boolean).join(", ")],
        ["Dated", document.dated && formatDay(document.dated)],
        ["Source", document.source],
        ["Added", <Time key="created" at={document.created_at} />],
      ]}
    />
  );
}
