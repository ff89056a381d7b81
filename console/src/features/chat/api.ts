import { infiniteQueryOptions, keepPreviousData, queryOptions, useMutation, useQueryClient, type QueryClient } from "@tanstack/react-query";
import { api, take } from "@/api/client";
import { cursorPages } from "@/api/pages";
import { ApiError } from "@/api/problem";
import { readAnew } from "@/api/read-anew";
import type { RecordedTurnEvent, Turn } from "@/api/types";
import { followedBy, type Branch } from "@/features/chat/turn-tree";

const LIST_SIZE = 30;
const TURNS_AT_ONCE = 30;
const MOST_EVENTS = 1000;

export const isOpen = ({ status }: Turn): boolean => status === "queued" || status === "running";

type ListFilter = { shared: boolean; title: string };

export const conversationsQuery = ({ shared, title }: ListFilter) =>
  infiniteQueryOptions({
    queryKey: ["conversations", { shared, title }],
    queryFn: ({ pageParam: after, signal }) =>
      take(
        api.GET("/api/v1/conversations", {
          params: { query: { limit: LIST_SIZE, after, shared, ...(title ? { title } : {}) } },
          signal,
        }),
      ),
    ...cursorPages,
    staleTime: 15_000,
  });

export const conversationQuery = (id: string) =>
  queryOptions({
    queryKey: ["conversation", id],
    queryFn: ({ signal }) =>
      take(api.GET("/api/v1/conversations/{conversation_id}", { params: { path: { conversation_id: id } }, signal })),
  });

const turnsKey = (id: string, through?: string) => ["conversation", id, "turns", ...(through ? [through] : [])];

/** The branch through a turn, the newest first. An address that names a turn of elsewhere shows the newest branch. */
export const turnsQuery = (id: string, through: string | undefined) =>
  infiniteQueryOptions({
    queryKey: turnsKey(id, through),
    queryFn: ({ pageParam: after, signal }) => {
      const page = (of?: string) =>
        take(
          api.GET("/api/v1/conversations/{conversation_id}/turns", {
            params: { path: { conversation_id: id }, query: { limit: TURNS_AT_ONCE, after, through: of } },
            signal,
          }),
        );
      return page(through).catch((error: unknown) => {
        if (through === undefined || !(error instanceof ApiError && ELSEWHERE.includes(error.status))) throw error;
        return page();
      });
    },
    ...cursorPages,
    placeholderData: keepPreviousData,
    refetchInterval: ({ state }) => (state.data?.pages.some(({ data }) => data.some(isOpen)) ? 5000 : false),
  });

const ELSEWHERE = [404, 422];

/** The journal of a turn that has ended. */
export const turnEventsQuery = (conversationId: string, turnId: string) =>
  queryOptions({
    queryKey: ["turn-events", turnId],
    queryFn: async ({ signal }): Promise<RecordedTurnEvent[]> => {
      const path = { conversation_id: conversationId, turn_id: turnId };
      const all: RecordedTurnEvent[] = [];
      for (let more = true; more; ) {
        const query = { after: all.at(-1)?.seq ?? 0, limit: MOST_EVENTS };
        const page = await take(
          api.GET("/api/v1/conversations/{conversation_id}/turns/{turn_id}/events", {
            params: { path, query },
            headers: { Accept: "application/json" },
            signal,
          }),
        );
        if (typeof page === "string") throw new TypeError("a stream came instead of the list that was asked for");
        all.push(...page.data);
        more = page.has_more && page.data.length > 0;
      }
      return all;
    },
    staleTime: 60_000,
  });

export function useBegin() {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: (collectionIds: string[]) => take(api.POST("/api/v1/conversations", { body: { collection_ids: collectionIds } })),
    onSuccess: () => readAnew(cache, ["conversations"]),
  });
}

/** Puts a turn on the page at once; what the server has is read after it. */
function takeUpTurn(cache: QueryClient, turn: Turn): void {
  const known = cache.getQueriesData<Branch>({ queryKey: turnsKey(turn.conversation_id) });
  const [branch] = known.flatMap(([, each]) => followedBy(each, turn) ?? []);
  if (branch) cache.setQueryData(turnsKey(turn.conversation_id, turn.id), branch);
  void readAnew(cache, ["conversation", turn.conversation_id]);
  void readAnew(cache, ["conversations"]);
}

/** `parentId` null asks anew from the beginning; undefined follows on the newest turn. */
type Saying = { conversationId: string; text: string; parentId?: string | null };

export function useSay() {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: ({ conversationId, text, parentId }: Saying) =>
      take(
        api.POST("/api/v1/conversations/{conversation_id}/turns", {
          params: { path: { conversation_id: conversationId } },
          body: { text, ...(parentId === undefined ? {} : { parent_id: parentId }) },
        }),
      ),
    onSuccess: (turn) => takeUpTurn(cache, turn),
    // Only the answer may have been lost: the question can stand there all the same.
    onError: (_error, { conversationId }) => void readAnew(cache, ["conversation", conversationId]),
  });
}

const at = ({ conversation_id, id }: Turn) => ({ params: { path: { conversation_id, turn_id: id } } });

export function useRegenerate() {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: (turn: Turn) => take(api.POST("/api/v1/conversations/{conversation_id}/turns/{turn_id}/regenerate", at(turn))),
    onSuccess: (turn) => takeUpTurn(cache, turn),
  });
}

export function useStop() {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: (turn: Turn) => take(api.POST("/api/v1/conversations/{conversation_id}/turns/{turn_id}/stop", at(turn))),
    onSettled: (_data, _error, turn) => readAnew(cache, ["conversation", turn.conversation_id]),
  });
}

type Judgement = { turn: Turn; thumb: "up" | "down"; correction?: string; comment?: string };

export function useJudge() {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: ({ turn, ...body }: Judgement) =>
      take(api.POST("/api/v1/conversations/{conversation_id}/turns/{turn_id}/feedback", { ...at(turn), body })),
    onSuccess: (_feedback, { turn }) => readAnew(cache, ["conversation", turn.conversation_id]),
  });
}
