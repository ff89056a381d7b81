import { infiniteQueryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { api, take } from "@/api/client";
import { cursorPages, PAGE_SIZE } from "@/api/pages";
import type { ComplianceExport } from "@/api/types";
import { readAnew } from "@/api/read-anew";

const isMoving = ({ status }: ComplianceExport): boolean => status === "queued" || status === "running";

export const exportsQuery = infiniteQueryOptions({
  queryKey: ["exports"],
  queryFn: ({ pageParam: after, signal }) => take(api.GET("/v1/compliance/exports", { params: { query: { limit: PAGE_SIZE, after } }, signal })),
  ...cursorPages,
  refetchInterval: ({ state }) => (state.data?.pages.some((page) => page.data.some(isMoving)) ? 2000 : false),
});

export function useCreateExport() {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: (body: { from: string; to: string }) => take(api.POST("/v1/compliance/exports", { body })),
    onSuccess: () => readAnew(cache, ["exports"]),
  });
}
