import { expect, test } from "vitest";
import type { Turn } from "@/api/types";
import { followedBy, placeOf, type Branch } from "@/features/chat/turn-tree";

/** Beside b stand another answer to its text (c) and another question (e). */
const BESIDE = [
  { id: "b", regenerates: null },
  { id: "c", regenerates: "b" },
  { id: "e", regenerates: null },
];

const turn = (id: string, parent: string | null, regenerates: string | null = null): Turn =>
  ({ id, parent_id: parent, regenerates, text: id, beside: parent === "a" ? BESIDE : [{ id, regenerates }] }) as Turn;

const branch = (has_more: boolean, ...data: Turn[]): Branch => ({
  pages: [{ data, last_id: null, has_more }],
  pageParams: [undefined],
});

test("answers to one text are counted apart from other questions", () => {
  const { answers, questions } = placeOf(turn("c", "a", "b"));
  expect(answers).toEqual({ ids: ["b", "c"], at: 1 });
  expect(questions).toEqual({ ids: ["b", "e"], at: 0 });
  expect(placeOf(turn("d", "b")).answers).toEqual({ ids: ["d"], at: 0 });
});

test("a new turn ends the branch that its parent is on", () => {
  const known = branch(true, turn("d", "b"), turn("b", "a"), turn("a", "z"));
  const ids = (made: Branch | null) => made?.pages.map(({ data, last_id, has_more }) => [data.map(({ id }) => id), last_id, has_more]);
  expect(ids(followedBy(known, turn("f", "d")))).toEqual([[["f", "d", "b", "a"], "a", true]]);
  expect(ids(followedBy(known, turn("e", "a")))).toEqual([[["e", "a"], "a", true]]);
  expect(ids(followedBy(known, turn("g", null)))).toEqual([[["g"], "g", false]]);
  expect(followedBy(known, turn("h", "elsewhere"))).toBeNull();
});
