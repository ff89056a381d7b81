import { expect, test } from "vitest";
import type { Turn } from "@/api/types";
import { newestUnder, pathTo } from "@/features/chat/turn-tree";

const turn = (id: string, parent: string | null, regenerates: string | null = null): Turn =>
  ({ id, parent_id: parent, regenerates, text: id }) as Turn;

/** a ─ b ─ d, and beside b another answer to its text (c) and another question (e), which was asked on from (f). */
const TURNS = [turn("a", null), turn("b", "a"), turn("c", "a", "b"), turn("d", "b"), turn("e", "a"), turn("f", "e")];

const ids = (leaf?: string): string[] => pathTo(TURNS, leaf).map((place) => place.turn.id);

test("the page shows the turns that lead to the newest one", () => {
  expect(ids()).toEqual(["a", "e", "f"]);
  expect(ids("d")).toEqual(["a", "b", "d"]);
  expect(pathTo([], undefined)).toEqual([]);
});

test("an address that names a turn of elsewhere shows the newest", () => expect(ids("nobody")).toEqual(["a", "e", "f"]));

test("answers to one text are counted apart from other questions", () => {
  const [, second] = pathTo(TURNS, "c");
  expect(second?.answers).toEqual({ ids: ["b", "c"], at: 1 });
  expect(second?.questions).toEqual({ ids: ["b", "e"], at: 0 });
  const [first] = pathTo(TURNS, "c");
  expect(first?.answers).toEqual({ ids: ["a"], at: 0 });
});

test("choosing a branch reads on to its newest turn", () => {
  expect(newestUnder(TURNS, "b")).toBe("d");
  expect(newestUnder(TURNS, "c")).toBe("c");
  expect(newestUnder(TURNS, "e")).toBe("f");
});
