import { useQuery } from "@tanstack/react-query";
import { SlidersHorizontal, X } from "lucide-react";
import { useEffect, useState } from "react";
import type { DocumentStatus, Facet } from "@/api/types";
import { Button } from "@/components/ui/button";
import { Input } from "@/components/ui/field";
import { Select, type Option } from "@/components/ui/select";
import { facetsQuery, type DocumentSort } from "@/features/documents/api";
import { languageName, typeName } from "@/features/documents/kinds";
import { cn } from "@/lib/classes";
import { formatNumber } from "@/lib/format";

/** As they stand in the address; each left out is open. */
export type Filters = {
  status?: DocumentStatus | undefined;
  type?: string | undefined;
  language?: string | undefined;
  source?: string | undefined;
  since?: string | undefined;
  until?: string | undefined;
  words?: string | undefined;
  sort?: DocumentSort | undefined;
};

type DocumentFiltersProps = { collection: string | undefined; filters: Filters; onChange: (changed: Filters) => void };

const SORTS: Option[] = [
  { value: "", label: "Newest first" },
  { value: "oldest", label: "Oldest first" },
  { value: "updated", label: "Last changed first" },
  { value: "name", label: "By name" },
  { value: "dated", label: "By the document’s date" },
  { value: "size", label: "Largest first" },
];
const PAUSE_MS = 250;

/** Narrows the list; the values offered are those that the documents one may read have. */
export function DocumentFilters({ collection, filters, onChange }: DocumentFiltersProps) {
  const { data: facets } = useQuery(facetsQuery(collection));
  const [open, setOpen] = useState(false);
  const set = countOf(filters);
  const choose = (name: keyof Filters) => (value: string) => onChange({ [name]: value || undefined });
  return (
    <div className="flex flex-col gap-3">
      <div className="flex flex-wrap items-center gap-2">
        <Words value={filters.words} onChange={choose("words")} />
        <Button onClick={() => setOpen(!open)} aria-expanded={open} data-testid="filters">
          <SlidersHorizontal aria-hidden /> Filters{set > 0 && ` (${set})`}
        </Button>
        <Select label="Order" value={filters.sort ?? ""} options={SORTS} onChange={choose("sort")} className="ml-auto" />
      </div>
      <fieldset aria-label="Filters" className={cn("flex flex-wrap items-end gap-2", !open && "hidden")}>
        <Select label="Status" value={filters.status ?? ""} options={choices("Any status", facets?.statuses, capital)} onChange={choose("status")} />
        <Select label="Type" value={filters.type ?? ""} options={choices("Any type", facets?.media_types, typeName)} onChange={choose("type")} />
        <Select label="Language" value={filters.language ?? ""} options={choices("Any language", facets?.languages, languageName)} onChange={choose("language")} />
        <Select label="Source" value={filters.source ?? ""} options={choices("Any source", facets?.sources, (name) => name)} onChange={choose("source")} />
        <Day label="Dated from" value={filters.since} onChange={choose("since")} />
        <Day label="to" value={filters.until} onChange={choose("until")} />
        {set > 0 && (
          <Button look="quiet" onClick={() => onChange(NONE)}>
            <X aria-hidden /> Clear
          </Button>
        )}
      </fieldset>
    </div>
  );
}

const NONE: Filters = { status: undefined, type: undefined, language: undefined, source: undefined, since: undefined, until: undefined };

const countOf = (filters: Filters): number => Object.keys(NONE).filter((name) => filters[name as keyof Filters]).length;

const capital = (word: string): string => word.charAt(0).toUpperCase() + word.slice(1);

function choices(any: string, facets: Facet[] | undefined, name: (value: string) => string): Option[] {
  const told = (facets ?? []).flatMap(({ value, count }) => (value === null ? [] : [{ value, label: `${name(value)} (${formatNumber(count)})` }]));
  return [{ value: "", label: any }, ...told];
}

/** Looked for once the typing pauses. */
function Words({ value, onChange }: { value: string | undefined; onChange: (value: string) => void }) {
  const [words, setWords] = useState(value ?? "");
  useEffect(() => {
    if (words.trim() === (value ?? "")) return undefined;
    const timer = setTimeout(() => onChange(words.trim()), PAUSE_MS);
    return () => clearTimeout(timer);
  }, [words, value, onChange]);
  return (
    <Input
      type="search"
      aria-label="Find by name or title"
      placeholder="Find by name or title"
      value={words}
      onChange={(event) => setWords(event.target.value)}
      className="w-full sm:w-64"
    />
  );
}

function Day({ label, value, onChange }: { label: string; value: string | undefined; onChange: (value: string) => void }) {
  return (
    <label className="inline-flex items-center gap-2">
      <span className="text-[13px] text-muted">{label}</span>
      <Input type="date" value={value ?? ""} onChange={(event) => onChange(event.target.value)} className="w-40" />
    </label>
  );
}
