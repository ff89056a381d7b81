/**
 * A conversation as a tree of turns: which turns are on the page, and which others could be in their place.
 * Turns under one parent are branches. Those of one text (`regenerates`) are other answers to it.
 */
import type { Turn } from "@/api/types";

/** One of several things that could stand at a place; `at` counts from 0. */
export type Choice = { ids: string[]; at: number };

export type TurnPlace = { turn: Turn; answers: Choice; questions: Choice };

/** The turns from the beginning to `leaf`, or to the newest turn if `leaf` isn't among them. */
export function pathTo(turns: readonly Turn[], leaf: string | undefined): TurnPlace[] {
  const byId = new Map(turns.map((turn) => [turn.id, turn]));
  const path: Turn[] = [];
  let turn = (leaf === undefined ? undefined : byId.get(leaf)) ?? turns.at(-1);
  while (turn && !path.includes(turn)) {
    path.unshift(turn);
    turn = turn.parent_id ? byId.get(turn.parent_id) : undefined;
  }
  return path.map((each) => placeOf(turns, each));
}

function placeOf(turns: readonly Turn[], turn: Turn): TurnPlace {
  const beside = turns.filter(({ parent_id }) => parent_id === turn.parent_id);
  const answers = beside.filter((other) => textOf(other) === textOf(turn)).map(({ id }) => id);
  const questions = beside.filter((other, index) => beside.findIndex((each) => textOf(each) === textOf(other)) === index);
  return {
    turn,
    answers: { ids: answers, at: answers.indexOf(turn.id) },
    questions: { ids: questions.map(({ id }) => id), at: questions.findIndex((other) => textOf(other) === textOf(turn)) },
  };
}

/** The turn whose text a turn answers. */
const textOf = (turn: Turn): string => turn.regenerates ?? turn.id;

/** Where one reads on after choosing `id`: the newest turn that follows on it, or itself. */
export function newestUnder(turns: readonly Turn[], id: string): string {
  const under = new Set([id]);
  let newest = id;
  for (const turn of turns) {
    if (turn.parent_id && under.has(turn.parent_id)) {
      under.add(turn.id);
      newest = turn.id;
    }
  }
  return newest;
}
