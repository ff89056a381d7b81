import { Check, Copy } from "lucide-react";
import { Button } from "@/components/ui/button";
import { useCopy } from "@/lib/use-copy";

export function CopyAnswer({ text }: { text: string }) {
  const { copied, copy } = useCopy(text);
  if (!copy) return null;
  const Icon = copied ? Check : Copy;
  return (
    <Button look="quiet" size="icon-small" onClick={copy} aria-label={copied ? "Copied the answer" : "Copy the answer"}>
      <Icon className="text-muted" />
    </Button>
  );
}
