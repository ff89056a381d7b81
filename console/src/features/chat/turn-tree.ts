/**
 * A conversation as a tree of turns: what stands on the page, and which others could be in its place.
 * Turns under one parent are branches. Those of one text (`regenerates`) are other answers to it.
 */
import type { InfiniteData } from "@tanstack/react-query";
import { allRows } from "@/api/pages";
import type { Page, Turn } from "@/api/types";

/** Pages of one branch, the newest turn first. */
export type Branch = InfiniteData<Page<Turn>, string | undefined>;

/** One of several things that could stand at a place; `at` counts from 0. */
export type Choice = { ids: string[]; at: number };

export type TurnPlace = { turn: Turn; answers: Choice; questions: Choice };

export function placeOf(turn: Turn): TurnPlace {
  const answers = turn.beside.filter((other) => textOf(other) === textOf(turn)).map(({ id }) => id);
  const questions = turn.beside.filter((other, index) => turn.beside.findIndex((each) => textOf(each) === textOf(other)) === index);
  return {
    turn,
    answers: { ids: answers, at: answers.indexOf(turn.id) },
    questions: { ids: questions.map(({ id }) => id), at: questions.findIndex((other) => textOf(other) === textOf(turn)) },
  };
}

/** The turn whose text a turn answers. */
const textOf = ({ id, regenerates }: Pick<Turn, "id" | "regenerates">): string => regenerates ?? id;

/** The branch that a new turn ends, as far as it is known; null where the turn that it follows on isn't. */
export function followedBy(branch: Branch | undefined, turn: Turn): Branch | null {
  const before = turnsBefore(allRows(branch) ?? [], turn);
  if (before === null) return null;
  const more = before.length > 0 && branch?.pages.at(-1)?.has_more === true;
  const data = [turn, ...before];
  const page = { data, last_id: data.at(-1)?.id ?? null, has_more: more };
  return { pages: [page], pageParams: [undefined] };
}

function turnsBefore(known: readonly Turn[], { parent_id }: Turn): Turn[] | null {
  if (parent_id === null) return [];
  const at = known.findIndex(({ id }) => id === parent_id);
  return at < 0 ? null : known.slice(at);
}
