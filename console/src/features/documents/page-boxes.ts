/** Boxes in points as places on a page image of any size. */
import type { PageBox } from "@/api/types";

export type PlaceOnPage = { left: string; top: string; width: string; height: string };

const percent = (part: number, whole: number): string => `${whole > 0 ? Math.round((part / whole) * 1e5) / 1e3 : 0}%`;

/** Held to the page: a line that leaves the paper is marked as far as the paper goes. */
export function boxOnPage(box: PageBox, page: { width: number; height: number }): PlaceOnPage {
  const hold = (value: number, most: number): number => Math.min(Math.max(value, 0), most);
  const [left, right] = [hold(box.left, page.width), hold(box.right, page.width)];
  const [top, bottom] = [hold(box.top, page.height), hold(box.bottom, page.height)];
  return {
    left: percent(left, page.width),
    top: percent(top, page.height),
    width: percent(Math.max(0, right - left), page.width),
    height: percent(Math.max(0, bottom - top), page.height),
  };
}

/** The boxes by page, pages in their order. */
export function byPage(boxes: readonly PageBox[]): [page: number, boxes: PageBox[]][] {
  const pages = new Map<number, PageBox[]>();
  for (const box of boxes) pages.set(box.page, [...(pages.get(box.page) ?? []), box]);
  return [...pages].toSorted(([one], [other]) => one - other);
}
