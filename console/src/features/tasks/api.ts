import { infiniteQueryOptions, queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { api, take } from "@/api/client";
import { cursorPages } from "@/api/pages";
import type { Task, TaskStatus } from "@/api/types";
import { readAnew } from "@/api/read-anew";
import { isOpen } from "@/features/tasks/events";

const LIST_SIZE = 30;

export const tasksQuery = (filter: { status?: TaskStatus | undefined }) =>
  infiniteQueryOptions({
    queryKey: ["tasks", filter],
    queryFn: ({ pageParam: after, signal }) =>
      take(api.GET("/api/v1/tasks", { params: { query: { limit: LIST_SIZE, after, status: filter.status } }, signal })),
    ...cursorPages,
    refetchInterval: ({ state }) => (state.data?.pages.some((page) => page.data.some(({ status }) => isOpen(status))) ? 3000 : 15_000),
  });

export const taskQuery = (id: string) =>
  queryOptions({
    queryKey: ["task", id],
    queryFn: ({ signal }) => take(api.GET("/api/v1/tasks/{task_id}", { params: { path: { task_id: id } }, signal })),
    refetchInterval: ({ state }) => (state.data && isOpen(state.data.status) ? 5000 : false),
  });

export const artifactQuery = (taskId: string, artifactId: string) =>
  queryOptions({
    queryKey: ["artifact", taskId, artifactId],
    queryFn: ({ signal }) =>
      take(
        api.GET("/api/v1/tasks/{task_id}/artifacts/{artifact_id}", {
          params: { path: { task_id: taskId, artifact_id: artifactId } },
          signal,
        }),
      ),
    staleTime: Infinity,
  });

export function useCreateTask() {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: (body: { request: string; collection_ids?: string[] }) => take(api.POST("/api/v1/tasks", { body })),
    onSuccess: (task: Task) => {
      cache.setQueryData(taskQuery(task.id).queryKey, task);
      void readAnew(cache, ["tasks"]);
    },
  });
}

export function useCancelTask(id: string) {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: () => take(api.POST("/api/v1/tasks/{task_id}/cancel", { params: { path: { task_id: id } } })),
    onSuccess: () => {
      void readAnew(cache, ["task", id]);
      void readAnew(cache, ["tasks"]);
    },
  });
}
