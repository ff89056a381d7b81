/** Where chunks stand on a page: one outline around the lines of each. */
import type { Chunk, PageBox } from "@/api/types";

export type Outline = { chunk: Chunk; box: PageBox };

export function outlinesOn(page: number, chunks: readonly Chunk[]): Outline[] {
  return chunks.flatMap((chunk) => {
    const box = around(chunk.boxes.filter((each) => each.page === page));
    return box ? [{ chunk, box }] : [];
  });
}

function around([first, ...rest]: PageBox[]): PageBox | undefined {
  return rest.reduce<PageBox | undefined>(
    (whole, box) =>
      whole && {
        page: whole.page,
        left: Math.min(whole.left, box.left),
        top: Math.min(whole.top, box.top),
        right: Math.max(whole.right, box.right),
        bottom: Math.max(whole.bottom, box.bottom),
      },
    first,
  );
}
