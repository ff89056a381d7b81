import { Pencil } from "lucide-react";
import { useState, type KeyboardEvent } from "react";
import { Button } from "@/components/ui/button";
import { Textarea } from "@/components/ui/field";
import { Stepper } from "@/features/chat/stepper";
import type { TurnPlace } from "@/features/chat/turn-tree";

type QuestionProps = { place: TurnPlace; mayEdit: boolean; onChoose: (id: string) => void; onAsk: (text: string) => Promise<unknown> };

/** What a person said. It can be put differently, which begins a branch beside it. */
export function Question({ place: { turn, questions }, mayEdit, onChoose, onAsk }: QuestionProps) {
  const [edited, setEdited] = useState<string | null>(null);
  if (edited !== null) {
    const ask = () => {
      if (edited.trim() === "" || edited.trim() === turn.text.trim()) return;
      void onAsk(edited.trim()).then(() => setEdited(null), () => undefined);
    };
    return <Edit text={edited} onText={setEdited} onAsk={ask} onCancel={() => setEdited(null)} />;
  }
  const understood = turn.question && turn.question.trim() !== turn.text.trim() ? turn.question : null;
  return (
    <div className="group flex flex-col gap-1.5" data-testid="question">
      <div className="flex items-start gap-2 border-l-2 border-line-strong pl-4">
        <p className="min-w-0 flex-1 text-[16px] leading-6 font-medium break-words whitespace-pre-line">{turn.text}</p>
        {mayEdit && (
          <Button look="quiet" size="icon-small" onClick={() => setEdited(turn.text)} aria-label="Put this question differently">
            <Pencil className="text-muted" />
          </Button>
        )}
      </div>
      {(understood || questions.ids.length > 1) && (
        <div className="flex flex-wrap items-center gap-x-4 pl-[18px] text-[13px] text-muted">
          {understood && <p>Understood as “{understood}”</p>}
          <Stepper choice={questions} what="question" onChoose={onChoose} />
        </div>
      )}
    </div>
  );
}

type EditProps = { text: string; onText: (text: string) => void; onAsk: () => void; onCancel: () => void };

function Edit({ text, onText, onAsk, onCancel }: EditProps) {
  const onKey = (event: KeyboardEvent) => {
    if (event.key === "Escape") {
      event.preventDefault();
      onCancel();
    }
    if (event.key !== "Enter" || event.shiftKey || event.nativeEvent.isComposing) return;
    event.preventDefault();
    onAsk();
  };
  return (
    <div className="flex flex-col gap-2">
      <Textarea
        aria-label="The question, put differently"
        value={text}
        onChange={(event) => onText(event.target.value)}
        onKeyDown={onKey}
        className="field-sizing-content text-[16px] leading-6"
        ref={(element) => element?.focus()}
      />
      <div className="flex flex-wrap items-center justify-end gap-2">
        <p className="mr-auto text-[13px] text-muted">The question as it was stays beside it.</p>
        <Button size="small" onClick={onCancel}>
          Keep it as it was
        </Button>
        <Button size="small" look="primary" onClick={onAsk}>
          Ask
        </Button>
      </div>
    </div>
  );
}
