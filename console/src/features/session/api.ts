import { queryOptions, useMutation, useQueryClient, useSuspenseQuery } from "@tanstack/react-query";
import { api, rememberCsrfToken, take } from "@/api/client";
import type { Session } from "@/api/types";
import { dropDrafts } from "@/lib/use-draft";

export type Permission =
  | "tasks.read"
  | "tasks.write"
  | "conversations.read"
  | "conversations.write"
  | "documents.read"
  | "documents.write"
  | "collections.manage"
  | "directory.read"
  | "users.manage"
  | "keys.manage"
  | "connections.manage"
  | "audit.read"
  | "audit.content.read"
  | "compliance.export"
  | "evaluations.manage"
  | "training.manage"
  | "models.use"
  | "jobs.read"
  | "jobs.manage";

export const sessionQuery = queryOptions({
  queryKey: ["session"],
  queryFn: async ({ signal }): Promise<Session> => {
    const session = await take(api.GET("/api/v1/session", { signal }));
    rememberCsrfToken(session.csrf_token ?? "");
    return session;
  },
  staleTime: 5 * 60_000,
});

export const signInOptionsQuery = (slug: string) =>
  queryOptions({
    queryKey: ["sign-in", slug],
    queryFn: ({ signal }) =>
      take(api.GET("/api/v1/sign-in/{tenant_slug}", { params: { path: { tenant_slug: slug } }, signal })),
    enabled: slug !== "",
    staleTime: 60_000,
  });

export function useSession(): Session {
  return useSuspenseQuery(sessionQuery).data;
}

export function useMay(): (permission: Permission) => boolean {
  const { permissions } = useSession();
  return (permission) => permissions.includes(permission);
}

export function useSignIn() {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: (body: { tenant: string; email: string; password: string }) => take(api.POST("/api/v1/session", { body })),
    onSuccess: (session) => {
      cache.clear();
      rememberCsrfToken(session.csrf_token ?? "");
      cache.setQueryData(sessionQuery.queryKey, session);
    },
  });
}

export function useSignOut() {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: () => take(api.DELETE("/api/v1/session")),
    onSuccess: () => {
      dropDrafts();
      cache.clear();
    },
  });
}
