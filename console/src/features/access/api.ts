import { infiniteQueryOptions, queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { api, take } from "@/api/client";
import { cursorPages, PAGE_SIZE } from "@/api/pages";
import type { ConnectionCreate } from "@/api/types";
import { readAnew } from "@/api/read-anew";

export const usersQuery = infiniteQueryOptions({
  queryKey: ["users"],
  queryFn: ({ pageParam: after, signal }) => take(api.GET("/api/v1/users", { params: { query: { limit: PAGE_SIZE, after } }, signal })),
  ...cursorPages,
});

export const rolesQuery = queryOptions({
  queryKey: ["roles"],
  queryFn: ({ signal }) => take(api.GET("/api/v1/roles", { params: { query: { limit: 100 } }, signal })),
  staleTime: 60_000,
});

export const keysQuery = infiniteQueryOptions({
  queryKey: ["keys"],
  queryFn: ({ pageParam: after, signal }) => take(api.GET("/api/v1/keys", { params: { query: { limit: PAGE_SIZE, after } }, signal })),
  ...cursorPages,
});

export const connectionsQuery = infiniteQueryOptions({
  queryKey: ["connections"],
  queryFn: ({ pageParam: after, signal }) =>
    take(api.GET("/api/v1/connections", { params: { query: { limit: PAGE_SIZE, after } }, signal })),
  ...cursorPages,
});

/** A mutation after which one list is read anew. */
function useListChange<Input, Output>(list: string, mutationFn: (input: Input) => Promise<Output>) {
  const cache = useQueryClient();
  return useMutation({ mutationFn, onSuccess: () => readAnew(cache, [list]) });
}

type NewUser = { email: string; name: string; password: string; roles: string[] };
export const useCreateUser = () => useListChange("users", (body: NewUser) => take(api.POST("/api/v1/users", { body })));

export const useUpdateUser = () =>
  useListChange("users", ({ id, ...body }: { id: string; roles?: string[]; status?: "active" | "disabled" }) =>
    take(api.PATCH("/api/v1/users/{user_id}", { params: { path: { user_id: id } }, body })),
  );

type NewKey = { name: string; roles: string[]; expires_at?: string };
export const useCreateKey = () => useListChange("keys", (body: NewKey) => take(api.POST("/api/v1/keys", { body })));

export const useRevokeKey = () =>
  useListChange("keys", (id: string) => take(api.DELETE("/api/v1/keys/{key_id}", { params: { path: { key_id: id } } })));

export const useCreateConnection = () =>
  useListChange("connections", (body: ConnectionCreate) => take(api.POST("/api/v1/connections", { body })));

export const useDeleteConnection = () =>
  useListChange("connections", (id: string) =>
    take(api.DELETE("/api/v1/connections/{connection_id}", { params: { path: { connection_id: id } } })),
  );
