import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useMemo, useReducer, useState } from "react";
import { follow, type StreamState } from "@/api/stream";
import type { RecordedTurnEvent, Turn } from "@/api/types";
import { isOpen, turnEventsQuery } from "@/features/chat/api";
import { EMPTY_TURN, takeUp, type TurnView } from "@/features/chat/turn-view";

const TERMINAL: ReadonlySet<string> = new Set(["turn.completed", "turn.failed", "turn.stopped"]);

/**
 * What the journal of a turn says. One that is being answered is followed; one that has ended is read
 * if `wanted` says so. Keyed by turn, so it starts empty.
 */
export function useTurn(turn: Turn, wanted: boolean): { view: TurnView; line: StreamState } {
  // A turn that ended while it was followed has been read to its end.
  const [isFollowed] = useState(isOpen(turn));
  const followed = useFollowed(turn, isFollowed);
  const past = useQuery({ ...turnEventsQuery(turn.conversation_id, turn.id), enabled: !isFollowed && wanted });
  const read = useMemo(() => past.data?.reduce(takeUp, EMPTY_TURN), [past.data]);
  return isFollowed ? followed : { view: read ?? EMPTY_TURN, line: past.data ? "ended" : "connecting" };
}

function useFollowed({ conversation_id: conversationId, id }: Turn, isFollowed: boolean) {
  const [view, record] = useReducer(takeUp, EMPTY_TURN);
  const [line, setLine] = useState<StreamState>("connecting");
  const cache = useQueryClient();

  useEffect(() => {
    if (!isFollowed) return undefined;
    const stop = new AbortController();
    const refresh = () => {
      void cache.invalidateQueries({ queryKey: ["conversation", conversationId] });
      void cache.invalidateQueries({ queryKey: ["conversations"] });
    };
    void follow({
      url: `/api/v1/conversations/${encodeURIComponent(conversationId)}/turns/${encodeURIComponent(id)}/events`,
      signal: stop.signal,
      onState: setLine,
      isLast: ({ event }) => TERMINAL.has(event),
      onEvent: ({ event, data }) => {
        record(JSON.parse(data) as RecordedTurnEvent);
        if (TERMINAL.has(event) || event === "turn.started") refresh();
      },
    });
    return () => stop.abort();
  }, [conversationId, id, isFollowed, cache]);

  return { view, line };
}
