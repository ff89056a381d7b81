/** Names of those whom a grant or share can be about: everyone, groups and people. */
import { queryOptions, useQuery } from "@tanstack/react-query";
import { api, take } from "@/api/client";
import type { Group, Page, User } from "@/api/types";
import type { Option } from "@/components/ui/select";
import { useMay, useSession } from "@/features/session/api";

export const EVERYONE = "everyone";

/** Beyond these a choice from a list helps nobody. */
const MOST = 500;

async function every<Row>(read: (after: string | undefined) => Promise<Page<Row>>): Promise<Row[]> {
  const all: Row[] = [];
  let after: string | undefined;
  do {
    const page = await read(after);
    all.push(...page.data);
    after = page.has_more && all.length < MOST ? (page.last_id ?? undefined) : undefined;
  } while (after);
  return all;
}

const directoryQuery = queryOptions({
  queryKey: ["directory"],
  queryFn: async ({ signal }): Promise<{ people: User[]; groups: Group[] }> => {
    const [people, groups] = await Promise.all([
      every<User>((after) => take(api.GET("/api/v1/users", { params: { query: { limit: 100, after } }, signal }))),
      every<Group>((after) => take(api.GET("/api/v1/groups", { params: { query: { limit: 100, after } }, signal }))),
    ]);
    return { people, groups };
  },
  staleTime: 60_000,
});

type Names = { nameOf: (principal: string) => string; options: Option[]; people: User[]; knowsPeople: boolean };

/** Only those who manage people may list them; everyone else can name everyone and themselves. */
export function useNames(): Names {
  const knowsPeople = useMay()("users.manage");
  const { user, tenant } = useSession();
  const { data } = useQuery({ ...directoryQuery, enabled: knowsPeople });
  const people = data?.people.filter(({ status }) => status === "active") ?? [];
  const everyone = { value: EVERYONE, label: `Everyone in ${tenant.name}` };
  const groups = (data?.groups ?? []).map(({ id, name }) => ({ value: `group:${id}`, label: name }));
  const persons = people.map(({ id, name, email }) => ({ value: `user:${id}`, label: name ? `${name} (${email})` : email }));
  const options = [everyone, ...groups, ...persons.filter(({ value }) => value !== `user:${user.id}`)];
  const known = new Map([...options, { value: `user:${user.id}`, label: user.name || user.email }].map(({ value, label }) => [value, label]));
  return { options, people, knowsPeople, nameOf: (principal) => known.get(principal) ?? principal };
}
