import { infiniteQueryOptions, queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { api, take } from "@/api/client";
import { cursorPages, PAGE_SIZE } from "@/api/pages";
import { readAnew } from "@/api/read-anew";
import type { TrainingJob, TrainingMetric, TrainingMetrics, TrainingRequest, TrainingUpload } from "@/api/types";

export const isMoving = ({ status }: Pick<TrainingJob, "status">): boolean => status === "queued" || status === "running";

export const trainingJobsQuery = infiniteQueryOptions({
  queryKey: ["training", "list"],
  queryFn: ({ pageParam: after, signal }) => take(api.GET("/api/v1/training-jobs", { params: { query: { limit: PAGE_SIZE, after } }, signal })),
  ...cursorPages,
  refetchInterval: ({ state }) => (state.data?.pages.some((page) => page.data.some(isMoving)) ? 2000 : false),
});

export const trainingJobQuery = (id: string) =>
  queryOptions({
    queryKey: ["training", "one", id],
    queryFn: ({ signal }) => take(api.GET("/api/v1/training-jobs/{training_job_id}", { params: { path: { training_job_id: id } }, signal })),
    refetchInterval: ({ state }) => (state.data && isMoving(state.data) ? 1500 : false),
  });

/** All that was told so far; asked for again it reads on from the last number. */
export const metricsQuery = (id: string, moving: boolean) =>
  queryOptions({
    queryKey: ["training", "metrics", id],
    queryFn: async ({ signal, client }): Promise<TrainingMetric[]> => {
      const known = client.getQueryData<TrainingMetric[]>(["training", "metrics", id]) ?? [];
      const told = [...known];
      let more = true;
      while (more) {
        const query = { after: told[told.length - 1]?.seq ?? 0 };
        const answer = await take(api.GET("/api/v1/training-jobs/{training_job_id}/metrics", { params: { path: { training_job_id: id }, query }, signal }));
        const page = answer as TrainingMetrics; // a stream only for those who ask for one
        told.push(...page.data);
        more = page.has_more;
      }
      return told;
    },
    structuralSharing: false,
    refetchInterval: moving ? 2000 : false,
  });

export const examplesQuery = (id: string) =>
  infiniteQueryOptions({
    queryKey: ["training", "examples", id],
    queryFn: ({ pageParam: after, signal }) =>
      take(api.GET("/api/v1/training-jobs/{training_job_id}/examples", { params: { path: { training_job_id: id }, query: { limit: PAGE_SIZE, after } }, signal })),
    ...cursorPages,
  });

export const uploadsQuery = queryOptions({
  queryKey: ["training", "uploads"],
  queryFn: async ({ signal }) => (await take(api.GET("/api/v1/training-uploads", { params: { query: { limit: 100 } }, signal }))).data.filter((one) => !one.deleted),
});

/** Of a collection, the documents that can be learnt from; the platform takes 200 at most. */
export async function readyDocuments(collectionId: string): Promise<string[]> {
  const ids: string[] = [];
  let after: string | undefined;
  do {
    const page = await take(api.GET("/api/v1/documents", { params: { query: { limit: 100, after, collection_id: collectionId, status: "ready" } } }));
    ids.push(...page.data.map(({ id }) => id));
    after = page.has_more ? (page.last_id ?? undefined) : undefined;
  } while (after && ids.length < 200);
  return ids.slice(0, 200);
}

export type NewJob = { body: TrainingRequest; collectionId: string; file: File | null };

/** Keeps the file and gathers the documents first, so that what fails is said before a job is there. */
export function useStartTraining() {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: async ({ body, collectionId, file }: NewJob): Promise<TrainingJob> => {
      const upload_id = file ? (await keep(file)).id : body.upload_id;
      const document_ids = collectionId ? await readyDocuments(collectionId) : [];
      return take(api.POST("/api/v1/training-jobs", { body: { ...body, upload_id, document_ids } }));
    },
    onSuccess: () => readAnew(cache, ["training"]),
  });
}

function keep(file: File): Promise<TrainingUpload> {
  const form = new FormData();
  form.append("name", file.name);
  form.append("examples", file, file.name);
  // The document calls files strings; FormData goes as it is.
  return take(api.POST("/api/v1/training-uploads", { body: form as unknown as { name: string; examples: string } }));
}

function useJobAction(path: "/api/v1/training-jobs/{training_job_id}/cancel" | "/api/v1/training-jobs/{training_job_id}/resume", id: string) {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: () => take(api.POST(path, { params: { path: { training_job_id: id } } })),
    onSettled: () => Promise.all([readAnew(cache, ["training", "list"]), readAnew(cache, ["training", "one", id])]),
  });
}

export const useCancelTraining = (id: string) => useJobAction("/api/v1/training-jobs/{training_job_id}/cancel", id);
export const useResumeTraining = (id: string) => useJobAction("/api/v1/training-jobs/{training_job_id}/resume", id);
