import { expect, test } from "vitest";
import { boxOnPage, byPage } from "@/features/documents/page-boxes";

const A4 = { width: 600, height: 800 };
const box = (page: number, left: number, top: number, right: number, bottom: number) => ({ page, left, top, right, bottom });

test("a box in points becomes a share of the page", () => {
  expect(boxOnPage(box(1, 60, 200, 540, 220), A4)).toEqual({ left: "10%", top: "25%", width: "80%", height: "2.5%" });
});

test("a line that leaves the paper is marked as far as the paper goes", () => {
  expect(boxOnPage(box(1, -30, 790, 900, 830), A4)).toEqual({ left: "0%", top: "98.75%", width: "100%", height: "1.25%" });
});

test("a page whose size is unknown gives no places rather than wrong ones", () => {
  expect(boxOnPage(box(1, 60, 200, 540, 220), { width: 0, height: 0 })).toEqual({ left: "0%", top: "0%", width: "0%", height: "0%" });
});

test("boxes are gathered by page, in the order of the pages", () => {
  const [last, first, second] = [box(3, 0, 0, 1, 1), box(1, 0, 0, 1, 1), box(1, 0, 5, 1, 6)];
  expect(byPage([last, first, second])).toEqual([
    [1, [first, second]],
    [3, [last]],
  ]);
});
