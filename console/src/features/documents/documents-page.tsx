import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { getRouteApi, Outlet } from "@tanstack/react-router";
import type { DocumentStatus } from "@/api/types";
import { allRows } from "@/api/pages";
import { LoadMore } from "@/components/load-more";
import { Page } from "@/components/page";
import { Empty, Failure } from "@/components/states";
import { Select } from "@/components/ui/select";
import { collectionsQuery, documentsQuery } from "@/features/documents/api";
import { CollectionTabs } from "@/features/documents/collection-tabs";
import { DocumentTable } from "@/features/documents/document-table";
import { NewCollection } from "@/features/documents/new-collection";
import { UploadPanel } from "@/features/documents/upload-panel";
import { useUploads } from "@/features/documents/use-uploads";
import { useMay } from "@/features/session/api";

const route = getRouteApi("/app/documents");
const STATUSES = [
  { value: "", label: "Any status" },
  { value: "queued", label: "Queued" },
  { value: "processing", label: "Processing" },
  { value: "ready", label: "Ready" },
  { value: "rejected", label: "Rejected" },
];

export function DocumentsPage() {
  const { collection, status } = route.useSearch();
  const navigate = route.useNavigate();
  const may = useMay();
  const uploads = useUploads();
  const collections = useQuery(collectionsQuery);
  const documents = useInfiniteQuery(documentsQuery({ collection_id: collection, status }));
  const rows = allRows(documents.data);
  const chosen = collections.data?.find(({ id }) => id === collection);
  const choose = (id: string | undefined) => void navigate({ search: (now) => ({ ...now, collection: id }) });

  return (
    <Page
      title="Documents"
      note="What agents may read and cite. Access is granted by collection."
      action={may("collections.manage") && <NewCollection onCreated={choose} />}
    >
      {collections.error && <Failure error={collections.error} title="The collections can't be listed" onRetry={() => void collections.refetch()} />}
      {collections.data?.length === 0 ? (
        <Empty title="No collections yet">
          A collection holds documents that are read and granted together.
          {may("collections.manage") ? " Create the first one to upload documents into it." : " Ask an administrator to create one for you."}
        </Empty>
      ) : (
        <>
          <div className="flex flex-wrap items-center justify-between gap-3">
            <CollectionTabs collections={collections.data} chosen={collection} onChoose={choose} />
            <Select
              label="Status"
              value={status ?? ""}
              options={STATUSES}
              onChange={(next) => void navigate({ search: (now) => ({ ...now, status: (next || undefined) as DocumentStatus | undefined }) })}
            />
          </div>
          {chosen?.description && <p className="-mt-3 max-w-[68ch] text-muted">{chosen.description}</p>}
          {chosen && may("documents.write") && (
            <UploadPanel
              into={chosen.name}
              items={uploads.items}
              onFiles={(files) => uploads.add(files, chosen.id)}
              onDismiss={uploads.dismiss}
              onRetry={uploads.retry}
            />
          )}
          {documents.error && !rows ? (
            <Failure error={documents.error} title="The documents can't be listed" onRetry={() => void documents.refetch()} />
          ) : rows?.length === 0 ? (
            <Empty title={status ? "No document has this status" : "No documents here yet"}>
              {chosen ? "Drop files above; each is read, split and indexed, and can be cited when it is ready." : "Choose a collection to upload documents into it."}
            </Empty>
          ) : (
            <DocumentTable rows={rows} collections={collections.data} showCollection={!chosen} />
          )}
          <LoadMore query={documents} />
        </>
      )}
      <Outlet />
    </Page>
  );
}
