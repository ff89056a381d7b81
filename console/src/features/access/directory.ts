/** Those whom a grant or share can be about: everyone, groups and people. How they are found, and their names. */
import { queryOptions, useQuery } from "@tanstack/react-query";
import { api, take } from "@/api/client";
import type { Principal } from "@/api/types";
import { useMay, useSession } from "@/features/session/api";

/** `principal` as grants and shares name them. */
export type Choice = { principal: string; label: string; note: string };

/** The directory answers nothing shorter. */
export const FEWEST_LETTERS = 2;
/** And names no more at once. */
const MOST_NAMED = 50;

export const foundQuery = (search: string) =>
  queryOptions({
    queryKey: ["directory", "search", search],
    queryFn: ({ signal }) => take(api.GET("/api/v1/directory", { params: { query: { search } }, signal })),
    enabled: search.length >= FEWEST_LETTERS,
    staleTime: Infinity,
  });

const namedQuery = (principals: string[]) =>
  queryOptions({
    queryKey: ["directory", "names", principals],
    queryFn: async ({ signal }): Promise<Principal[]> => {
      const all: Principal[] = [];
      for (let at = 0; at < principals.length; at += MOST_NAMED) {
        const query = { principal: principals.slice(at, at + MOST_NAMED) };
        all.push(...(await take(api.GET("/api/v1/directory", { params: { query }, signal }))).data);
      }
      return all;
    },
    enabled: principals.length > 0,
    staleTime: Infinity,
  });

export function asChoice({ principal, kind, name, email, active }: Principal): Choice {
  const notes = [kind === "group" ? "Group" : name && email, !active && "disabled"];
  return { principal, label: name || email || principal, note: notes.filter(Boolean).join(", ") };
}

export function useEveryone(): Choice {
  const { tenant } = useSession();
  return { principal: "everyone", label: `Everyone in ${tenant.name}`, note: "also whoever joins later" };
}

/** Tells the names of those given; of whom the directory doesn't know any more, that they are gone. */
export function useNames(principals: readonly string[]): (principal: string) => string {
  const everyone = useEveryone();
  const { user } = useSession();
  const mayAsk = useMay()("directory.read");
  const own: Choice = { principal: `user:${user.id}`, label: user.name || user.email, note: "" };
  const known = [everyone, own];
  const wanted = principals.filter((each) => known.every(({ principal }) => principal !== each)).toSorted();
  const { data } = useQuery({ ...namedQuery(wanted), enabled: mayAsk && wanted.length > 0 });
  const names = new Map([...known, ...(data ?? []).map(asChoice)].map(({ principal, label }) => [principal, label]));
  return (principal) => names.get(principal) ?? (data ? nobody(principal) : principal);
}

const nobody = (principal: string): string => (principal.startsWith("group:") ? "A group that was deleted" : "A person who was deleted");
