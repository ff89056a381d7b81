import { useEffect, useState } from "react";

const TOLD_MS = 1600;

/**
 * Copies a text, and tells for a moment that it did. `copy` is undefined where there is no clipboard: it exists
 * only on secure origins; elsewhere the text can still be selected.
 */
export function useCopy(text: string): { copied: boolean; copy: (() => void) | undefined } {
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return undefined;
    const timer = setTimeout(() => setCopied(false), TOLD_MS);
    return () => clearTimeout(timer);
  }, [copied]);
  const clipboard: Clipboard | undefined = navigator.clipboard;
  return { copied, copy: clipboard && (() => void clipboard.writeText(text).then(() => setCopied(true), () => undefined)) };
}
