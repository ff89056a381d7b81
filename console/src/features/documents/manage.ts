/** What can be done with one document, and what is told about it besides its text. */
import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { api, take } from "@/api/client";
import { readAnew } from "@/api/read-anew";
import { replaceFile } from "@/features/documents/upload";

const of = (id: string) => ({ params: { path: { document_id: id } } });

export const reportQuery = (id: string) =>
  queryOptions({
    queryKey: ["document-report", id],
    queryFn: ({ signal }) => take(api.GET("/api/v1/documents/{document_id}/report", { ...of(id), signal })),
    refetchInterval: ({ state }) => (state.data?.status === "queued" || state.data?.status === "processing" ? 2000 : false),
  });

/** Everything that is shown of a document is read anew after it changed. */
function useDocumentChange<Input, Output>(id: string, mutationFn: (input: Input) => Promise<Output>) {
  const cache = useQueryClient();
  return useMutation({
    mutationFn,
    onSuccess: () => {
      const shown = ["document", "document-report", "document-text", "chunks", "document-access", "quote"];
      for (const name of shown) void readAnew(cache, [name, id]);
      for (const name of ["documents", "collections"]) void readAnew(cache, [name]);
    },
  });
}

export const useDeleteDocument = (id: string) =>
  useDocumentChange(id, () => take(api.DELETE("/api/v1/documents/{document_id}", of(id))));

export const useReprocess = (id: string) =>
  useDocumentChange(id, () => take(api.POST("/api/v1/documents/{document_id}/reprocess", of(id))));

type NewFile = { file: File; key: string };

export const useReplaceFile = (id: string) => useDocumentChange(id, ({ file, key }: NewFile) => replaceFile(id, file, key));

type Details = { title?: string; source?: string; dated?: string | null };

export const useUpdateDocument = (id: string) =>
  useDocumentChange(id, (body: Details) => take(api.PATCH("/api/v1/documents/{document_id}", { ...of(id), body })));
