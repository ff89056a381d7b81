import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { api, take } from "@/api/client";
import type { IndexState } from "@/api/types";
import { readAnew } from "@/api/read-anew";

const isMoving = ({ backlog, rebuilding, view }: IndexState): boolean =>
  backlog.queued > 0 || backlog.processing > 0 || rebuilding !== null || view.behind > 0;

export const indexQuery = queryOptions({
  queryKey: ["index"],
  queryFn: ({ signal }) => take(api.GET("/api/v1/index", { signal })),
  refetchInterval: ({ state }) => (state.data && isMoving(state.data) ? 2000 : 15_000),
});

export function useRebuild() {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: () => take(api.POST("/api/v1/index/rebuild")),
    onSuccess: () => {
      void readAnew(cache, ["jobs"]);
      return readAnew(cache, ["index"]);
    },
  });
}
