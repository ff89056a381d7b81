/** Cursor lists as infinite queries. */
import type { Page } from "@/api/types";

export const PAGE_SIZE = 50;

export const cursorPages = {
  initialPageParam: undefined as string | undefined,
  getNextPageParam: (last: Page<unknown>): string | undefined => (last.has_more ? (last.last_id ?? undefined) : undefined),
};

export function allRows<Row>(data: { pages: Page<Row>[] } | undefined): Row[] | undefined {
  return data?.pages.flatMap((page) => page.data);
}
