import { CircleAlert, CircleCheck } from "lucide-react";

/** Whether the quote was found word for word at its place in the document. */
export function VerifiedQuote({ verified }: { verified: boolean }) {
  const Icon = verified ? CircleCheck : CircleAlert;
  return (
    <span className="inline-flex items-center gap-1.5 text-[13px]">
      <Icon aria-hidden className={verified ? "size-4 text-ok" : "size-4 text-fail"} />
      {verified ? "Checked word for word" : "Not found at this place"}
    </span>
  );
}
