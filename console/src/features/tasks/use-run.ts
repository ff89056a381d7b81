import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useReducer, useState } from "react";
import type { RecordedEvent } from "@/api/types";
import { follow, type StreamState } from "@/api/stream";
import { isTerminal } from "@/features/tasks/events";
import { EMPTY_RUN, takeUp, type RunView } from "@/features/tasks/run-view";

/** Follows the events of a task and tells how the line is doing. The page is keyed by task, so it starts empty. */
export function useRun(taskId: string): { view: RunView; line: StreamState } {
  const [view, record] = useReducer(takeUp, EMPTY_RUN);
  const [line, setLine] = useState<StreamState>("connecting");
  const cache = useQueryClient();

  useEffect(() => {
    const stop = new AbortController();
    const refresh = () => void cache.invalidateQueries({ queryKey: ["task", taskId] });
    void follow({
      url: `/api/v1/tasks/${encodeURIComponent(taskId)}/events`,
      signal: stop.signal,
      onState: setLine,
      isLast: ({ event }) => isTerminal(event),
      onEvent: ({ event, data }) => {
        record(JSON.parse(data) as RecordedEvent);
        if (isTerminal(event) || event === "task.started") refresh();
      },
    });
    return () => stop.abort();
  }, [taskId, cache]);

  return { view, line };
}
