import { Check, Copy } from "lucide-react";
import { useEffect, useState } from "react";
import { Button } from "@/components/ui/button";

/** Clipboard access exists only on secure origins; elsewhere the text can still be selected. */
export function CopyAnswer({ text }: { text: string }) {
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return undefined;
    const timer = setTimeout(() => setCopied(false), 1600);
    return () => clearTimeout(timer);
  }, [copied]);
  const copy = () => void navigator.clipboard?.writeText(text).then(() => setCopied(true));
  const Icon = copied ? Check : Copy;
  return (
    <Button look="quiet" size="icon-small" onClick={copy} aria-label={copied ? "Copied the answer" : "Copy the answer"}>
      <Icon className="text-muted" />
    </Button>
  );
}
