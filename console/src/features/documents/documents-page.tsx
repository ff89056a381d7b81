import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { getRouteApi, Outlet } from "@tanstack/react-router";
import { useCallback } from "react";
import { allRows } from "@/api/pages";
import { LoadMore } from "@/components/load-more";
import { Page } from "@/components/page";
import { Empty, Failure } from "@/components/states";
import { collectionsQuery, documentsQuery, type DocumentFilter } from "@/features/documents/api";
import { CollectionMenu } from "@/features/documents/collection-menu";
import { CollectionTabs } from "@/features/documents/collection-tabs";
import { DocumentFilters, type Filters } from "@/features/documents/document-filters";
import { DropZone } from "@/features/documents/drop-zone";
import { DocumentTable } from "@/features/documents/document-table";
import { NewCollection } from "@/features/documents/new-collection";
import { UploadList } from "@/features/documents/upload-list";
import { useUploads } from "@/features/documents/use-uploads";
import { useMay } from "@/features/session/api";

const route = getRouteApi("/app/documents");
export function DocumentsPage() {
  const { collection, status, type, language, source, since, until, words, sort } = route.useSearch();
  const filters: Filters = { status, type, language, source, since, until, words, sort };
  const navigate = route.useNavigate();
  const may = useMay();
  const { queue } = useUploads();
  const collections = useQuery(collectionsQuery);
  const documents = useInfiniteQuery(documentsQuery(asked(collection, filters)));
  const rows = allRows(documents.data);
  const chosen = collections.data?.find(({ id }) => id === collection);
  const choose = (id: string | undefined) => void navigate({ search: (now) => ({ ...now, collection: id }) });
  const narrow = useCallback((changed: Filters) => void navigate({ search: (now) => ({ ...now, ...changed }), replace: true }), [navigate]);
  const isNarrowed = Object.entries(filters).some(([name, value]) => name !== "sort" && value);

  return (
    <Page
      title="Documents"
      note="What agents may read and cite, as far as each asker may read it."
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
            {chosen && may("collections.manage") && <CollectionMenu key={chosen.id} collection={chosen} onDeleted={() => choose(undefined)} />}
          </div>
          {chosen?.description && <p className="-mt-3 max-w-[68ch] wrap-anywhere text-muted">{chosen.description}</p>}
          {chosen && may("documents.write") && <DropZone into={chosen.name} onFiles={(files) => queue.add(files, chosen.id)} />}
          <UploadList collections={collections.data} />
          <DocumentFilters collection={collection} filters={filters} onChange={narrow} />
          {documents.error && !rows ? (
            <Failure error={documents.error} title="The documents can't be listed" onRetry={() => void documents.refetch()} />
          ) : rows?.length === 0 ? (
            <Empty title={isNarrowed ? "No document fits the filters" : "No documents here yet"}>
              {isNarrowed ? "Take a filter away to see more." : chosen ? "Drop files above; each is read, split and indexed, and can be cited when it is ready." : "Choose a collection to upload documents into it."}
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

/** The filters of the address as the platform takes them. */
function asked(collection: string | undefined, { type, language, source, words, ...rest }: Filters): DocumentFilter {
  const one = (value: string | undefined) => (value === undefined ? undefined : [value]);
  return { ...rest, collection_id: collection, media_type: one(type), language: one(language), source: one(source), q: words };
}
