import { RotateCw, ThumbsDown, ThumbsUp } from "lucide-react";
import { useState } from "react";
import type { Turn } from "@/api/types";
import { Failure } from "@/components/states";
import { Time } from "@/components/time";
import { Button } from "@/components/ui/button";
import { useJudge } from "@/features/chat/api";
import { CopyAnswer } from "@/features/chat/copy-answer";
import { FeedbackForm } from "@/features/chat/feedback-form";
import { Stepper } from "@/features/chat/stepper";
import type { TurnPlace } from "@/features/chat/turn-tree";
import { useMay } from "@/features/session/api";
import { cn } from "@/lib/classes";

type AnswerActionsProps = {
  place: TurnPlace;
  mayWrite: boolean;
  isBusy: boolean;
  onChoose: (id: string) => void;
  onRegenerate: () => void;
};

/** What can be done with an answer: copy it, judge it, ask for another, step through those there are. */
export function AnswerActions({ place: { turn, answers }, mayWrite, isBusy, onChoose, onRegenerate }: AnswerActionsProps) {
  const [correcting, setCorrecting] = useState(false);
  const judge = useJudge();
  const may = useMay();
  const rate = (thumb: "up" | "down") => {
    setCorrecting(thumb === "down");
    if (thumb === turn.feedback?.thumb) return;
    // A judgement takes the place of the one before it, so what was written goes along.
    const { correction, comment } = turn.feedback ?? {};
    judge.mutate({ turn, thumb, ...(correction ? { correction } : {}), ...(comment ? { comment } : {}) });
  };
  return (
    <div className="flex flex-col gap-3">
      <div className="-ml-2 flex flex-wrap items-center gap-x-1 gap-y-1">
        {turn.answer !== null && <CopyAnswer text={turn.answer} />}
        {turn.status === "completed" && may("conversations.write") && (
          <>
            <Thumb turn={turn} thumb="up" onRate={rate} />
            <Thumb turn={turn} thumb="down" onRate={rate} />
          </>
        )}
        {mayWrite && (
          <Button look="quiet" size="small" onClick={onRegenerate} disabled={isBusy} data-testid="regenerate">
            <RotateCw aria-hidden /> Another answer
          </Button>
        )}
        <Stepper choice={answers} what="answer" onChoose={onChoose} />
        {turn.finished_at && (
          <span className="ml-auto text-[13px] text-muted">
            <Time at={turn.finished_at} />
          </span>
        )}
      </div>
      {judge.error && <Failure error={judge.error} title="The judgement was not kept" />}
      {correcting ? (
        <FeedbackForm turn={turn} onDone={() => setCorrecting(false)} />
      ) : (
        turn.feedback && <Given turn={turn} onChange={() => setCorrecting(true)} />
      )}
    </div>
  );
}

type ThumbProps = { turn: Turn; thumb: "up" | "down"; onRate: (thumb: "up" | "down") => void };

function Thumb({ turn, thumb, onRate }: ThumbProps) {
  const isGiven = turn.feedback?.thumb === thumb;
  const Icon = thumb === "up" ? ThumbsUp : ThumbsDown;
  return (
    <Button
      look="quiet"
      size="icon-small"
      aria-pressed={isGiven}
      aria-label={thumb === "up" ? "This answer helps" : "This answer doesn’t help"}
      onClick={() => onRate(thumb)}
    >
      <Icon className={cn(isGiven ? "fill-current text-seal" : "text-muted")} />
    </Button>
  );
}

function Given({ turn, onChange }: { turn: Turn; onChange: () => void }) {
  const { feedback } = turn;
  if (!feedback || (!feedback.correction && !feedback.comment)) return null;
  return (
    <div className="flex flex-col gap-1 rounded-md border bg-sheet px-4 py-3" data-testid="given-feedback">
      {feedback.correction && (
        <p>
          <span className="text-muted">It should have been:</span> {feedback.correction}
        </p>
      )}
      {feedback.comment && (
        <p>
          <span className="text-muted">Note:</span> {feedback.comment}
        </p>
      )}
      <Button look="quiet" size="small" onClick={onChange} className="-ml-2 self-start">
        Change
      </Button>
    </div>
  );
}
