import { infiniteQueryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { api, take } from "@/api/client";
import { cursorPages, PAGE_SIZE } from "@/api/pages";
import type { Job, JobStatus } from "@/api/types";
import { readAnew } from "@/api/read-anew";

export const isMoving = ({ status }: Job): boolean => status === "queued" || status === "running";

export const jobsQuery = (filter: { status?: JobStatus | undefined }) =>
  infiniteQueryOptions({
    queryKey: ["jobs", filter],
    queryFn: ({ pageParam: after, signal }) =>
      take(api.GET("/api/v1/jobs", { params: { query: { limit: PAGE_SIZE, after, status: filter.status } }, signal })),
    ...cursorPages,
    refetchInterval: ({ state }) => (state.data?.pages.some((page) => page.data.some(isMoving)) ? 2000 : 10_000),
  });

function useJobAction(path: "/api/v1/jobs/{job_id}/cancel" | "/api/v1/jobs/{job_id}/retry") {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: (id: string) => take(api.POST(path, { params: { path: { job_id: id } } })),
    onSettled: () => readAnew(cache, ["jobs"]),
  });
}

export const useCancelJob = () => useJobAction("/api/v1/jobs/{job_id}/cancel");
export const useRetryJob = () => useJobAction("/api/v1/jobs/{job_id}/retry");
