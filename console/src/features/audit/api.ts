import { infiniteQueryOptions, queryOptions, useMutation } from "@tanstack/react-query";
import { api, take } from "@/api/client";
import { cursorPages, PAGE_SIZE } from "@/api/pages";
import type { paths } from "@/api/schema.gen";

export type AuditFilter = {
  event_type?: string | undefined;
  outcome?: string | undefined;
  actor_id?: string | undefined;
  task_id?: string | undefined;
  from?: string | undefined;
  to?: string | undefined;
};

/** Days of the form as instants: the last day counts whole. */
export function dayStart(day: string, offsetDays = 0): string {
  const date = new Date(`${day}T00:00:00`);
  date.setDate(date.getDate() + offsetDays);
  return date.toISOString();
}

/** What the address bar says is sent as it is; the service refuses kinds and outcomes it doesn't know. */
type Query = NonNullable<paths["/api/v1/audit/records"]["get"]["parameters"]["query"]>;

export const auditQuery = (filter: AuditFilter) =>
  infiniteQueryOptions({
    queryKey: ["audit", filter],
    queryFn: ({ pageParam: after, signal }) => {
      const { from, to, event_type: eventType, ...rest } = filter;
      const range = {
        "created_at[gte]": from ? dayStart(from) : undefined,
        "created_at[lt]": to ? dayStart(to, 1) : undefined,
      };
      const query = { limit: PAGE_SIZE, after, event_type: eventType ? [eventType] : undefined, ...rest, ...range } as Query;
      return take(api.GET("/api/v1/audit/records", { params: { query }, signal }));
    },
    ...cursorPages,
  });

export const taskRecordsQuery = (taskId: string, isOver: boolean) =>
  queryOptions({
    queryKey: ["audit", "task", taskId],
    queryFn: ({ signal }) => take(api.GET("/api/v1/audit/records", { params: { query: { limit: 100, task_id: taskId } }, signal })),
    refetchInterval: ({ state }) => (!isOver || state.data?.data.some((record) => !record.integrity.sealed) ? 4000 : false),
  });

export const auditRecordQuery = (id: string) =>
  queryOptions({
    queryKey: ["audit", "record", id],
    queryFn: ({ signal }) => take(api.GET("/api/v1/audit/records/{record_id}", { params: { path: { record_id: id } }, signal })),
  });

export const verificationQuery = queryOptions({
  queryKey: ["audit", "verification"],
  queryFn: ({ signal }) => take(api.GET("/api/v1/audit/verify", { signal })),
  staleTime: 30_000,
});

/** A look at held-apart content is itself recorded, so it is never fetched but on request, and never cached. */
export function useReveal() {
  return useMutation({
    mutationFn: (id: string) => take(api.GET("/api/v1/audit/records/{record_id}/content", { params: { path: { record_id: id } } })),
    gcTime: 0,
  });
}
