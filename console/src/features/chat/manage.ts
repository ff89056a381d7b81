/** What can be done with a whole conversation: rename, share, export, delete. */
import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { api, take } from "@/api/client";
import type { Conversation } from "@/api/types";
import { readAnew } from "@/api/read-anew";
import { saveFile } from "@/lib/save-file";

const of = (id: string) => ({ params: { path: { conversation_id: id } } });

export function useRename(id: string) {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: (title: string) => take(api.PATCH("/api/v1/conversations/{conversation_id}", { ...of(id), body: { title } })),
    onSuccess: () => {
      void readAnew(cache, ["conversations"]);
      return readAnew(cache, ["conversation", id]);
    },
  });
}

/** Answers with the receipt: what was forgotten, and whether nothing of it is left. */
export function useDeleteConversation() {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: (id: string) => take(api.DELETE("/api/v1/conversations/{conversation_id}", of(id))),
    // Its words must not stay on the page, so they are dropped rather than read anew behind what is shown.
    onSuccess: (_receipt, id) => {
      void cache.resetQueries({ queryKey: ["conversation", id] });
      return readAnew(cache, ["conversations"]);
    },
  });
}

export const deletionQuery = (id: string) =>
  queryOptions({
    queryKey: ["deletion", id],
    queryFn: ({ signal }) => take(api.GET("/api/v1/conversations/{conversation_id}/deletion", { ...of(id), signal })),
    retry: false,
  });

export const sharesQuery = (id: string) =>
  queryOptions({
    queryKey: ["shares", id],
    queryFn: ({ signal }) => take(api.GET("/api/v1/conversations/{conversation_id}/shares", { ...of(id), signal })),
  });

export function useShare(id: string) {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: (body: { principal: string; effect: "allow" | "deny" }) =>
      take(api.POST("/api/v1/conversations/{conversation_id}/shares", { ...of(id), body })),
    onSuccess: () => readAnew(cache, ["shares", id]),
  });
}

export function useUnshare(id: string) {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: (shareId: string) =>
      take(
        api.DELETE("/api/v1/conversations/{conversation_id}/shares/{share_id}", {
          params: { path: { conversation_id: id, share_id: shareId } },
        }),
      ),
    onSuccess: () => readAnew(cache, ["shares", id]),
  });
}

const ENDINGS = { markdown: "md", json: "json" } as const;

export function useExport({ id, title }: Pick<Conversation, "id" | "title">) {
  return useMutation({
    mutationFn: (format: keyof typeof ENDINGS) =>
      saveFile(`/api/v1/conversations/${id}/export?format=${format}`, `${title ?? "conversation"}.${ENDINGS[format]}`),
  });
}
