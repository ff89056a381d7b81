import { queryOptions } from "@tanstack/react-query";
import { api, take } from "@/api/client";

const AS_THEY_ARE = { limit: 20, boxes: false, min_seq: 0, neighbours: 0, rephrasings: [] };

/** Each search is on record, so it is made when it is asked for and not again behind the page. */
export const searchQuery = (query: string, collectionIds: string[]) =>
  queryOptions({
    queryKey: ["search", query, collectionIds],
    queryFn: ({ signal }) => {
      const within = collectionIds.length > 0 ? { collection_ids: collectionIds } : {};
      return take(api.POST("/api/v1/search", { body: { ...AS_THEY_ARE, ...within, query }, signal }));
    },
    enabled: query !== "",
    staleTime: Infinity,
    refetchOnWindowFocus: false,
    refetchOnReconnect: false,
  });
