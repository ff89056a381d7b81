import { SearchX } from "lucide-react";

/** Heads an answer that says what could not be found. */
export function NotInSources() {
  return (
    <p className="flex items-center gap-2 font-medium">
      <SearchX aria-hidden className="size-4 text-wait" /> Not in the sources
    </p>
  );
}
