import { ArrowUp, Square } from "lucide-react";
import { useEffect, useRef, type FormEvent, type KeyboardEvent, type ReactNode } from "react";
import { Button } from "@/components/ui/button";

type ComposerProps = {
  text: string;
  onText: (text: string) => void;
  onSend: () => void;
  /** An answer is being written: it can be stopped, and nothing is sent meanwhile. */
  answering: boolean;
  stopping?: boolean;
  onStop?: () => void;
  busy: boolean;
  label: string;
  placeholder: string;
  aside?: ReactNode;
};

/** Where one writes. Enter sends, Shift + Enter makes a new line, Escape stops the answer. */
export function Composer({ text, onText, onSend, answering, stopping = false, onStop, busy, label, placeholder, aside }: ComposerProps) {
  const field = useRef<HTMLTextAreaElement>(null);
  const isReady = text.trim() !== "" && !busy && !answering;
  const send = () => isReady && onSend();
  const onKey = (event: KeyboardEvent) => {
    // An Enter that ends the composition of a character (Japanese, Chinese) isn't meant for sending.
    if (event.key !== "Enter" || event.shiftKey || event.nativeEvent.isComposing) return;
    event.preventDefault();
    send();
  };
  useEscape(answering && !stopping ? onStop : undefined);
  return (
    <form
      aria-label={label}
      onSubmit={(event: FormEvent) => {
        event.preventDefault();
        send();
        field.current?.focus();
      }}
      className="rounded-md border border-line-strong bg-sheet focus-within:border-ink"
    >
      <textarea
        ref={field}
        aria-label={label}
        placeholder={placeholder}
        value={text}
        onChange={(event) => onText(event.target.value)}
        onKeyDown={onKey}
        readOnly={busy}
        rows={1}
        maxLength={20_000}
        className="block field-sizing-content max-h-60 min-h-12 w-full resize-none rounded-t-md bg-transparent px-4 pt-3 pb-1 text-[16px] leading-6 placeholder:text-muted focus-visible:outline-none"
      />
      <div className="flex items-center justify-between gap-3 px-3 pb-2.5">
        <div className="min-w-0">{aside}</div>
        <div className="flex shrink-0 items-center gap-3">
          <span className="hidden text-[13px] text-muted xl:inline">{answering ? "Esc stops" : "Enter sends, Shift + Enter makes a new line"}</span>
          {answering ? (
            <Button size="small" onClick={onStop} disabled={stopping} data-testid="stop">
              <Square aria-hidden className="fill-current" /> {stopping ? "Stopping…" : "Stop"}
            </Button>
          ) : (
            <Button type="submit" look="primary" size="small" disabled={!isReady}>
              <ArrowUp aria-hidden /> {busy ? "Sending…" : "Send"}
            </Button>
          )}
        </div>
      </div>
    </form>
  );
}

/** Escape closes an overlay first; only without one does it stop the answer. */
function useEscape(onEscape: (() => void) | undefined): void {
  useEffect(() => {
    if (!onEscape) return undefined;
    const onKey = (event: globalThis.KeyboardEvent) => {
      if (event.key === "Escape" && !event.defaultPrevented && !document.querySelector('[role="dialog"],[role="alertdialog"],[role="menu"]')) onEscape();
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, [onEscape]);
}
