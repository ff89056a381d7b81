import type { Collection } from "@/api/types";
import { Select } from "@/components/ui/select";
import { Skeleton } from "@/components/ui/skeleton";
import { cn } from "@/lib/classes";
import { formatNumber } from "@/lib/format";
import { useIsWide } from "@/lib/use-media-query";

type CollectionTabsProps = {
  collections: Collection[] | undefined;
  chosen: string | undefined;
  onChoose: (id: string | undefined) => void;
};

/** More than these don't fit beside each other; a select holds any number. */
const MOST_TABS = 5;

export function CollectionTabs({ collections, chosen, onChoose }: CollectionTabsProps) {
  const isWide = useIsWide();
  if (!collections) return <Skeleton className="h-9 w-72" />;
  if (!isWide || collections.length > MOST_TABS) {
    return (
      <Select
        label="Collection"
        value={chosen ?? ""}
        onChange={(id) => onChoose(id || undefined)}
        className="min-w-0 flex-1 sm:max-w-72"
        options={[
          { value: "", label: "All collections" },
          ...collections.map(({ id, name, document_count }) => ({ value: id, label: `${name} (${formatNumber(document_count)})` })),
        ]}
      />
    );
  }
  const total = collections.reduce((sum, { document_count }) => sum + document_count, 0);
  const all = { id: undefined, name: "All", document_count: total };
  return (
    <fieldset aria-label="Collections" className="flex min-w-0 flex-wrap gap-1">
      {[all, ...collections].map(({ id, name, document_count }) => (
        <button
          key={id ?? "all"}
          type="button"
          aria-pressed={chosen === id}
          onClick={() => onChoose(id)}
          className={cn(
            "flex h-9 max-w-60 items-center gap-2 rounded-md border border-transparent px-3 hover:bg-well",
            chosen === id ? "border-line-strong bg-sheet font-medium" : "text-muted",
          )}
        >
          <span className="truncate">{name}</span>
          <span className="text-[12px] text-muted">{formatNumber(document_count)}</span>
        </button>
      ))}
    </fieldset>
  );
}
