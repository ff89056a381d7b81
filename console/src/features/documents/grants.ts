/** The grants on documents and collections, and whom they reach. */
import { infiniteQueryOptions, queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { api, take } from "@/api/client";
import { PAGE_SIZE } from "@/api/pages";
import type { DocumentAccess, Grant, Page } from "@/api/types";
import { readAnew } from "@/api/read-anew";

export type Guarded = { kind: "document" | "collection"; id: string };
type NewGrant = { principal: string; effect: "allow" | "deny" };

const document = (id: string) => ({ path: { document_id: id } });
const collection = (id: string) => ({ path: { collection_id: id } });

export const grantsQuery = ({ kind, id }: Guarded) =>
  queryOptions({
    queryKey: ["grants", kind, id],
    queryFn: ({ signal }): Promise<Page<Grant>> =>
      kind === "document"
        ? take(api.GET("/api/v1/documents/{document_id}/grants", { params: document(id), signal }))
        : take(api.GET("/api/v1/collections/{collection_id}/grants", { params: collection(id), signal })),
  });

function useGrantChange<Input, Output>({ kind, id }: Guarded, mutationFn: (input: Input) => Promise<Output>) {
  const cache = useQueryClient();
  return useMutation({
    mutationFn,
    onSuccess: () => {
      void readAnew(cache, ["document-access"]);
      return readAnew(cache, ["grants", kind, id]);
    },
  });
}

export const useAddGrant = (on: Guarded) =>
  useGrantChange(on, (body: NewGrant) =>
    on.kind === "document"
      ? take(api.POST("/api/v1/documents/{document_id}/grants", { params: document(on.id), body }))
      : take(api.POST("/api/v1/collections/{collection_id}/grants", { params: collection(on.id), body })),
  );

export const useRemoveGrant = (on: Guarded) =>
  useGrantChange(on, (grant_id: string) =>
    on.kind === "document"
      ? take(api.DELETE("/api/v1/documents/{document_id}/grants/{grant_id}", { params: { path: { document_id: on.id, grant_id } } }))
      : take(api.DELETE("/api/v1/collections/{collection_id}/grants/{grant_id}", { params: { path: { collection_id: on.id, grant_id } } })),
  );

/** Everyone whom a grant reaches, and why. */
export const readersQuery = (id: string, mayRead: boolean | undefined) =>
  infiniteQueryOptions({
    queryKey: ["document-access", id, { mayRead }],
    queryFn: ({ pageParam: after, signal }): Promise<DocumentAccess> =>
      take(
        api.GET("/api/v1/documents/{document_id}/access", {
          params: { ...document(id), query: { limit: PAGE_SIZE, after, may_read: mayRead } },
          signal,
        }),
      ),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last) => (last.has_more ? (last.last_id ?? undefined) : undefined),
  });

/** Whether one person may read it, reached by a grant or not. */
export const readerQuery = (id: string, userId: string) =>
  queryOptions({
    queryKey: ["document-access", id, { userId }],
    queryFn: async ({ signal }) => {
      const query = { user_id: userId };
      const found = await take(api.GET("/api/v1/documents/{document_id}/access", { params: { ...document(id), query }, signal }));
      return found.data[0] ?? null;
    },
  });
