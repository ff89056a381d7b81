import { infiniteQueryOptions, queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { api, take } from "@/api/client";
import { cursorPages, PAGE_SIZE } from "@/api/pages";
import type { Evaluation, QuestionSet, StrategyName } from "@/api/types";
import { readAnew } from "@/api/read-anew";

export const isMoving = ({ status }: Evaluation): boolean => status === "queued" || status === "running";

export const evaluationsQuery = (setId?: string) =>
  infiniteQueryOptions({
    queryKey: ["evaluations", "list", setId],
    queryFn: ({ pageParam: after, signal }) =>
      take(api.GET("/api/v1/evaluations", { params: { query: { limit: PAGE_SIZE, after, question_set_id: setId } }, signal })),
    ...cursorPages,
    refetchInterval: ({ state }) => (state.data?.pages.some((page) => page.data.some(isMoving)) ? 2000 : false),
  });

export const evaluationQuery = (id: string) =>
  queryOptions({
    queryKey: ["evaluations", "one", id],
    queryFn: ({ signal }) => take(api.GET("/api/v1/evaluations/{evaluation_id}", { params: { path: { evaluation_id: id } }, signal })),
    refetchInterval: ({ state }) => (state.data && isMoving(state.data) ? 1500 : false),
  });

export type QuestionOrder = "asked" | "worst";

/** What was measured, so far or in the end; each look at it is on record, so it isn't asked for again by itself. */
export const questionsQuery = (id: string, order: QuestionOrder, moving: boolean) =>
  infiniteQueryOptions({
    queryKey: ["evaluations", "questions", id, order, moving],
    queryFn: ({ pageParam: after, signal }) =>
      take(
        api.GET("/api/v1/evaluations/{evaluation_id}/questions", {
          params: { path: { evaluation_id: id }, query: { limit: PAGE_SIZE, after, order } },
          signal,
        }),
      ),
    ...cursorPages,
    staleTime: Infinity,
  });

export const questionQuery = (id: string, questionId: string) =>
  queryOptions({
    queryKey: ["evaluations", "question", id, questionId],
    queryFn: ({ signal }) =>
      take(
        api.GET("/api/v1/evaluations/{evaluation_id}/questions/{question_id}", {
          params: { path: { evaluation_id: id, question_id: questionId } },
          signal,
        }),
      ),
    staleTime: Infinity,
  });

export type Against = { configuration: string; againstId: string; againstConfiguration: string };

export const comparisonQuery = (id: string, against: Against | undefined) =>
  queryOptions({
    queryKey: ["evaluations", "comparison", id, against],
    queryFn: ({ signal }) =>
      take(
        api.GET("/api/v1/evaluations/{evaluation_id}/comparison", {
          params: {
            path: { evaluation_id: id },
            query: {
              configuration: against?.configuration,
              against_id: against?.againstId,
              against_configuration: against?.againstConfiguration,
            },
          },
          signal,
        }),
      ),
    enabled: against !== undefined,
    staleTime: Infinity,
  });

export const configurationsQuery = queryOptions({
  queryKey: ["evaluations", "configurations"],
  queryFn: async ({ signal }) => (await take(api.GET("/api/v1/evaluations/configurations", { signal }))).data,
  staleTime: 60 * 60_000,
});

export const questionSetsQuery = infiniteQueryOptions({
  queryKey: ["question-sets"],
  queryFn: ({ pageParam: after, signal }) => take(api.GET("/api/v1/question-sets", { params: { query: { limit: PAGE_SIZE, after } }, signal })),
  ...cursorPages,
});

export type NewEvaluation = {
  kind: Evaluation["kind"];
  question_set_id: string;
  configurations: string[];
  strategies: StrategyName[];
  assistant_id: string | null;
  collection_ids: string[];
};

export function useCreateEvaluation() {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: (body: NewEvaluation) => take(api.POST("/api/v1/evaluations", { body })),
    onSuccess: () => readAnew(cache, ["evaluations", "list"]),
  });
}

export function useCancelEvaluation(id: string) {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: () => take(api.POST("/api/v1/evaluations/{evaluation_id}/cancel", { params: { path: { evaluation_id: id } } })),
    onSettled: () => Promise.all([readAnew(cache, ["evaluations", "list"]), readAnew(cache, ["evaluations", "one", id])]),
  });
}

export type NewSet = { name: string; queries: Blob; qrels: Blob };

export function useCreateQuestionSet() {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: ({ name, queries, qrels }: NewSet): Promise<QuestionSet> => {
      const form = new FormData();
      form.append("name", name);
      form.append("queries", queries, "queries.jsonl");
      form.append("qrels", qrels, "qrels.tsv");
      // The document calls files strings; FormData goes as it is.
      return take(api.POST("/api/v1/question-sets", { body: form as unknown as { name: string; queries: string; qrels: string } }));
    },
    onSuccess: () => readAnew(cache, ["question-sets"]),
  });
}

export function useDeleteQuestionSet() {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: (id: string) => take(api.DELETE("/api/v1/question-sets/{question_set_id}", { params: { path: { question_set_id: id } } })),
    onSuccess: () => {
      for (const shown of ["list", "one"]) void readAnew(cache, ["evaluations", shown]);
      return readAnew(cache, ["question-sets"]);
    },
  });
}
