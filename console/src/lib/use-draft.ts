/**
 * Words that were written and not sent yet. They stay while the console is open, so that another page or a
 * new sign-in doesn't cost them; nothing is put on the device's disk.
 */
import { useCallback, useState } from "react";

const drafts = new Map<string, string>();

/** The draft of a place, and how it is changed; `place` names whose it is too. Empty words drop it. */
export function useDraft(place: string): [string, (text: string) => void] {
  const [text, setText] = useState(() => drafts.get(place) ?? "");
  const write = useCallback(
    (next: string) => {
      setText(next);
      if (next === "") drafts.delete(place);
      else drafts.set(place, next);
    },
    [place],
  );
  return [text, write];
}

export const dropDrafts = (): void => drafts.clear();
