import { infiniteQueryOptions, queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { api, take } from "@/api/client";
import { cursorPages, PAGE_SIZE } from "@/api/pages";
import type { Collection, Document, DocumentStatus } from "@/api/types";
import { readAnew } from "@/api/read-anew";

const isMoving = ({ status }: Document): boolean => status === "queued" || status === "processing";

/** All collections: they are few, so the pages are read to the end. */
export const collectionsQuery = queryOptions({
  queryKey: ["collections"],
  queryFn: async ({ signal }): Promise<Collection[]> => {
    const all: Collection[] = [];
    let after: string | undefined;
    do {
      const page = await take(api.GET("/api/v1/collections", { params: { query: { limit: 100, after } }, signal }));
      all.push(...page.data);
      after = page.has_more ? (page.last_id ?? undefined) : undefined;
    } while (after);
    return all;
  },
  staleTime: 30_000,
});

export const collectionName = (collections: readonly Collection[] | undefined, id: string): string =>
  collections?.find((collection) => collection.id === id)?.name ?? "";

export type DocumentSort = "newest" | "oldest" | "name" | "dated" | "size" | "updated";

export type DocumentFilter = {
  collection_id?: string | undefined;
  status?: DocumentStatus | undefined;
  media_type?: string[] | undefined;
  language?: string[] | undefined;
  source?: string[] | undefined;
  since?: string | undefined;
  until?: string | undefined;
  q?: string | undefined;
  sort?: DocumentSort | undefined;
};

export const documentsQuery = (filter: DocumentFilter) =>
  infiniteQueryOptions({
    queryKey: ["documents", filter],
    queryFn: ({ pageParam: after, signal }) =>
      take(api.GET("/api/v1/documents", { params: { query: { limit: PAGE_SIZE, after, ...filter } }, signal })),
    ...cursorPages,
    refetchInterval: ({ state }) => (state.data?.pages.some((page) => page.data.some(isMoving)) ? 2000 : false),
  });

/** Which types, languages and sources there are among the documents that one may read. */
export const facetsQuery = (collectionId: string | undefined) =>
  queryOptions({
    queryKey: ["documents", "facets", collectionId],
    queryFn: ({ signal }) => take(api.GET("/api/v1/documents/facets", { params: { query: { collection_id: collectionId } }, signal })),
    staleTime: 30_000,
  });

export const documentQuery = (id: string) =>
  queryOptions({
    queryKey: ["document", id],
    queryFn: ({ signal }) => take(api.GET("/api/v1/documents/{document_id}", { params: { path: { document_id: id } }, signal })),
    refetchInterval: ({ state }) => (state.data && isMoving(state.data) ? 2000 : false),
  });

/** The chunks of a document, or those of them that touch a span of its text. */
export const chunksQuery = (id: string, span: { start?: number; end?: number } = {}) =>
  infiniteQueryOptions({
    queryKey: ["chunks", id, span],
    queryFn: ({ pageParam: after, signal }) =>
      take(
        api.GET("/api/v1/documents/{document_id}/chunks", {
          params: { path: { document_id: id }, query: { limit: PAGE_SIZE, after, ...span } },
          signal,
        }),
      ),
    ...cursorPages,
  });

export const documentTextQuery = (id: string) =>
  queryOptions({
    queryKey: ["document-text", id],
    queryFn: ({ signal }) =>
      take(api.GET("/api/v1/documents/{document_id}/text", { params: { path: { document_id: id } }, signal })),
    staleTime: 5 * 60_000,
  });

type QuotePlace = { documentId: string; start: number; end: number; sha256?: string | undefined };

/** What the document says at a place, and where that stands on its pages. */
export const quoteQuery = ({ documentId, start, end, sha256 }: QuotePlace) =>
  queryOptions({
    queryKey: ["quote", documentId, start, end, sha256],
    queryFn: ({ signal }) =>
      take(
        api.GET("/api/v1/documents/{document_id}/passages", {
          params: { path: { document_id: documentId }, query: { start, end, sha256 } },
          signal,
        }),
      ),
    staleTime: 60_000,
  });

export function useCreateCollection() {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: (body: { name: string; description: string; private: boolean }) => take(api.POST("/api/v1/collections", { body })),
    onSuccess: () => readAnew(cache, ["collections"]),
  });
}

export function useUpdateCollection(id: string) {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: (body: { name: string; description: string }) =>
      take(api.PATCH("/api/v1/collections/{collection_id}", { params: { path: { collection_id: id } }, body })),
    onSuccess: () => readAnew(cache, ["collections"]),
  });
}

export function useDeleteCollection() {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: (id: string) => take(api.DELETE("/api/v1/collections/{collection_id}", { params: { path: { collection_id: id } } })),
    onSuccess: () => {
      void readAnew(cache, ["documents"]);
      return readAnew(cache, ["collections"]);
    },
  });
}
