import { useState } from "react";
import type { Turn } from "@/api/types";
import { ApiError } from "@/api/problem";
import { Failure } from "@/components/states";
import { Skeleton } from "@/components/ui/skeleton";
import { isOpen } from "@/features/chat/api";
import { AnswerActions } from "@/features/chat/answer-actions";
import { ChatAnswer } from "@/features/chat/chat-answer";
import { Considered } from "@/features/chat/considered";
import { Question } from "@/features/chat/question";
import { TurnDrawer } from "@/features/chat/turn-drawer";
import type { TurnPlace } from "@/features/chat/turn-tree";
import { EMPTY_TURN, type TurnView } from "@/features/chat/turn-view";
import { useTurn } from "@/features/chat/use-turn";
import { getRouteApi } from "@tanstack/react-router";

const route = getRouteApi("/app/chat/$conversationId");

type TurnItemProps = {
  place: TurnPlace;
  mayWrite: boolean;
  /** Another answer is being written in this conversation. */
  isBusy: boolean;
  onChoose: (id: string) => void;
  onAsk: (text: string) => void;
  onRegenerate: () => void;
};

/** One thing that was said, and its answer with what it stands on. */
export function TurnItem({ place, mayWrite, isBusy, onChoose, onAsk, onRegenerate }: TurnItemProps) {
  const { turn } = place;
  const { turn: opened } = route.useSearch();
  const [shows, setShows] = useState(false);
  // What a stopped turn had said by then stands only in its journal.
  const { view, line } = useTurn(turn, shows || opened === turn.id || turn.status === "stopped");
  const forming = isOpen(turn);
  return (
    <li className="flex flex-col gap-5" data-turn={turn.id} data-status={turn.status}>
      <Question place={place} mayEdit={mayWrite && !isBusy} onChoose={onChoose} onAsk={onAsk} />
      <section aria-label="Answer" aria-live="polite" aria-busy={forming} data-testid="answer" className="flex min-w-0 flex-col gap-4">
        {forming && view.doing && <Doing view={view} lost={line === "waiting"} />}
        <Outcome turn={turn} />
        <ChatAnswer turn={turn} view={view} />
        {!forming && (
          <>
            <AnswerActions place={place} mayWrite={mayWrite} isBusy={isBusy} onChoose={onChoose} onRegenerate={onRegenerate} />
            <Considered turn={turn} view={view} open={shows} onOpen={setShows} loading={shows && view === EMPTY_TURN && line !== "ended"} />
          </>
        )}
      </section>
      {opened === turn.id && <TurnDrawer turn={turn} view={view} />}
    </li>
  );
}

/** Before the first words: what is going on, and the shape of what is to come. */
function Doing({ view, lost }: { view: TurnView; lost: boolean }) {
  return (
    <div role="status" className="flex flex-col gap-3" data-testid="doing">
      <p className="text-muted">{lost ? "Connection lost, taking up again…" : `${view.doing}…`}</p>
      <Skeleton className="w-full" />
      <Skeleton className="w-3/5" />
    </div>
  );
}

function Outcome({ turn }: { turn: Turn }) {
  if (turn.status === "failed") {
    const { code, message } = turn.error ?? { code: "failed", message: "The turn could not be answered." };
    return (
      <Failure
        error={new ApiError({ status: 0, title: message, code })}
        title="No answer was given"
        kept="Your question is kept. Ask for another answer, or put it differently."
      />
    );
  }
  if (turn.status === "stopped") return <p className="font-medium">Stopped. What was written by then is kept.</p>;
  return null;
}
