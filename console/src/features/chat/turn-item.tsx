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
  /** Rejects when the words were not taken; they stay where they were written then. */
  onAsk: (text: string) => Promise<unknown>;
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
  const lost = line === "waiting" || (line === "connecting" && view.lastSeq > 0);
  return (
    <li className="flex flex-col gap-5" data-turn={turn.id} data-status={turn.status}>
      <Question place={place} mayEdit={mayWrite && !isBusy} onChoose={onChoose} onAsk={onAsk} />
      <section aria-label="Answer" aria-live="polite" aria-busy={forming} data-testid="answer" className="flex min-w-0 flex-col gap-4">
        {forming && view.doing && <Doing view={view} lost={lost} />}
        <Outcome turn={turn} />
        <ChatAnswer turn={turn} view={view} />
        {forming && !view.doing && lost && <Lost />}
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

/** What was written by then stays; the rest follows. */
function Lost() {
  return (
    <p role="status" data-testid="line-lost" className="text-wait">
      Connection lost, taking up again…
    </p>
  );
}

/** Before the first words: what is going on, and the shape of what is to come. */
function Doing({ view, lost }: { view: TurnView; lost: boolean }) {
  return (
    <div className="flex flex-col gap-3" data-testid="doing">
      {lost ? (
        <Lost />
      ) : (
        <p role="status" className="text-muted">
          {view.doing}…
        </p>
      )}
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
  if (turn.status === "stopped") {
    const rest = turn.withheld ? "What was written by then comes from documents that may not be read now." : "What was written by then is kept.";
    return <p className="font-medium">Stopped. {rest}</p>;
  }
  return null;
}
