import { infiniteQueryOptions, queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { api, take } from "@/api/client";
import { cursorPages, PAGE_SIZE } from "@/api/pages";
import { readAnew } from "@/api/read-anew";
import type { Adapter, AdapterEvaluation, Assistant, BlindComparison } from "@/api/types";

type Moving = Pick<AdapterEvaluation, "status">;
const isMoving = ({ status }: Moving): boolean => status === "queued" || status === "running";

export const adaptersQuery = infiniteQueryOptions({
  queryKey: ["adapters", "list"],
  queryFn: ({ pageParam: after, signal }) => take(api.GET("/api/v1/adapters", { params: { query: { limit: PAGE_SIZE, after } }, signal })),
  ...cursorPages,
});

export const adapterQuery = (id: string) =>
  queryOptions({
    queryKey: ["adapters", "one", id],
    queryFn: ({ signal }) => take(api.GET("/api/v1/adapters/{adapter_id}", { params: { path: { adapter_id: id } }, signal })),
    refetchInterval: ({ state }) => (state.data?.evaluation && isMoving(state.data.evaluation) ? 1500 : false),
  });

export const adapterEvaluationsQuery = (id: string) =>
  infiniteQueryOptions({
    queryKey: ["adapters", "evaluations", id],
    queryFn: ({ pageParam: after, signal }) =>
      take(api.GET("/api/v1/adapters/{adapter_id}/evaluations", { params: { path: { adapter_id: id }, query: { limit: PAGE_SIZE, after } }, signal })),
    ...cursorPages,
    refetchInterval: ({ state }) => (state.data?.pages.some((page) => page.data.some(isMoving)) ? 1500 : false),
  });

/** Assistants are few, so the pages are read to the end. */
export const assistantsQuery = queryOptions({
  queryKey: ["assistants"],
  queryFn: async ({ signal }): Promise<Assistant[]> => {
    const all: Assistant[] = [];
    let after: string | undefined;
    do {
      const page = await take(api.GET("/api/v1/assistants", { params: { query: { limit: 100, after } }, signal }));
      all.push(...page.data);
      after = page.has_more ? (page.last_id ?? undefined) : undefined;
    } while (after);
    return all;
  },
  staleTime: 30_000,
});

export type Question = { question: string; answer: string };

export function useEvaluateAdapter(id: string) {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: (questions: Question[]) => take(api.POST("/api/v1/adapters/{adapter_id}/evaluations", { params: { path: { adapter_id: id } }, body: { questions } })),
    onSuccess: () => readAnew(cache, ["adapters"]),
  });
}

function usePublication(path: "/api/v1/adapters/{adapter_id}/publish" | "/api/v1/adapters/{adapter_id}/unpublish", id: string) {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: (assistant_id: string) => take(api.POST(path, { params: { path: { adapter_id: id } }, body: { assistant_id } })),
    onSettled: () => Promise.all([readAnew(cache, ["adapters"]), readAnew(cache, ["assistants"])]),
  });
}

export const usePublishAdapter = (id: string) => usePublication("/api/v1/adapters/{adapter_id}/publish", id);
export const useUnpublishAdapter = (id: string) => usePublication("/api/v1/adapters/{adapter_id}/unpublish", id);

export function useAfterErasure(id: string) {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: (after_erasure: Adapter["after_erasure"]) => take(api.PATCH("/api/v1/adapters/{adapter_id}", { params: { path: { adapter_id: id } }, body: { after_erasure } })),
    onSettled: () => readAnew(cache, ["adapters"]),
  });
}

export function useDeleteAdapter(id: string) {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: () => take(api.DELETE("/api/v1/adapters/{adapter_id}", { params: { path: { adapter_id: id } } })),
    onSuccess: () => readAnew(cache, ["adapters", "list"]),
  });
}

export const comparisonsQuery = infiniteQueryOptions({
  queryKey: ["comparisons"],
  queryFn: ({ pageParam: after, signal }) => take(api.GET("/api/v1/comparisons", { params: { query: { limit: PAGE_SIZE, after } }, signal })),
  ...cursorPages,
  refetchInterval: ({ state }) => (state.data?.pages.some((page) => page.data.some(({ status }) => status === "queued")) ? 1500 : false),
});

export function useCompare() {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: (body: { prompt: string; adapter_id: string }) => take(api.POST("/api/v1/comparisons", { body })),
    onSuccess: () => readAnew(cache, ["comparisons"]),
  });
}

export type Choice = NonNullable<BlindComparison["choice"]>;

export function useChoose(id: string) {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: (choice: Choice) => take(api.POST("/api/v1/comparisons/{comparison_id}/choice", { params: { path: { comparison_id: id } }, body: { choice } })),
    onSettled: () => readAnew(cache, ["comparisons"]),
  });
}
