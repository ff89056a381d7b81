import type { QueryClient, QueryKey } from "@tanstack/react-query";

/**
 * Has everything below `queryKey` read again, after a change. A first load that is under way may have begun before
 * the change, and an invalidation alone lets it go on.
 */
export async function readAnew(cache: QueryClient, queryKey: QueryKey): Promise<void> {
  await cache.cancelQueries({ queryKey });
  await cache.invalidateQueries({ queryKey });
}
