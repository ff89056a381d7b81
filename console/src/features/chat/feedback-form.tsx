import { useState, type FormEvent } from "react";
import type { Turn } from "@/api/types";
import { Failure } from "@/components/states";
import { Button } from "@/components/ui/button";
import { Field, Textarea } from "@/components/ui/field";
import { useJudge } from "@/features/chat/api";

/** What an answer should have been. The thumb was kept before. */
export function FeedbackForm({ turn, onDone }: { turn: Turn; onDone: () => void }) {
  const [correction, setCorrection] = useState(turn.feedback?.correction ?? "");
  const [comment, setComment] = useState(turn.feedback?.comment ?? "");
  const judge = useJudge();
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const words = { correction: correction.trim(), comment: comment.trim() };
    const given = Object.fromEntries(Object.entries(words).filter(([, text]) => text !== ""));
    judge.mutate({ turn, thumb: turn.feedback?.thumb ?? "down", ...given }, { onSuccess: onDone });
  };
  return (
    <form aria-label="Correction" onSubmit={submit} className="flex flex-col gap-4 rounded-md border bg-sheet p-4" data-testid="feedback-form">
      {judge.error && <Failure error={judge.error} title="The correction was not kept" kept="Your words are kept here." />}
      <Field label="What should the answer have been?" hint="Optional. It is kept with this turn, and that you judged it is on record.">
        {(control) => <Textarea {...control} value={correction} onChange={(event) => setCorrection(event.target.value)} maxLength={20_000} />}
      </Field>
      <Field label="What is wrong with it?">
        {(control) => (
          <Textarea {...control} value={comment} onChange={(event) => setComment(event.target.value)} maxLength={20_000} className="min-h-10" rows={1} />
        )}
      </Field>
      <div className="flex justify-end gap-2">
        <Button size="small" onClick={onDone}>
          {turn.feedback?.correction || turn.feedback?.comment ? "Leave it as it is" : "Only the thumb"}
        </Button>
        <Button size="small" look="primary" type="submit" disabled={judge.isPending || (!correction.trim() && !comment.trim())}>
          Keep the correction
        </Button>
      </div>
    </form>
  );
}
