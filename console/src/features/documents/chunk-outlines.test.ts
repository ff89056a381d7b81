import { expect, test } from "vitest";
import type { Chunk } from "@/api/types";
import { outlinesOn } from "@/features/documents/chunk-outlines";

const box = (page: number, left: number, top: number, right: number, bottom: number) => ({ page, left, top, right, bottom });
const chunk = (id: string, ...boxes: Chunk["boxes"]): Chunk => ({ id, boxes }) as Chunk;

const OVER_TWO = chunk("over-two", box(1, 50, 700, 500, 712), box(1, 40, 714, 300, 726), box(2, 50, 60, 400, 72));

test("an outline holds all lines of the chunk on that page, and none of another", () => {
  expect(outlinesOn(1, [OVER_TWO])).toEqual([{ chunk: OVER_TWO, box: box(1, 40, 700, 500, 726) }]);
  expect(outlinesOn(2, [OVER_TWO])).toEqual([{ chunk: OVER_TWO, box: box(2, 50, 60, 400, 72) }]);
});

test("chunks that aren't on the page have no outline there", () => {
  expect(outlinesOn(3, [OVER_TWO, chunk("nowhere")])).toEqual([]);
});
