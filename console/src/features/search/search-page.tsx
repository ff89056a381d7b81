import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { Search } from "lucide-react";
import { useState, type FormEvent } from "react";
import type { FoundPassages } from "@/api/types";
import { Page } from "@/components/page";
import { Empty, Failure } from "@/components/states";
import { Button } from "@/components/ui/button";
import { Input } from "@/components/ui/field";
import { SkeletonLines } from "@/components/ui/skeleton";
import { SourceDrawer } from "@/features/citations/source-drawer";
import { collectionsQuery } from "@/features/documents/api";
import { CollectionChoice } from "@/features/documents/collection-choice";
import { searchQuery } from "@/features/search/api";
import { PassageList } from "@/features/search/passage-list";
import { Verdict } from "@/features/search/verdict";

const route = getRouteApi("/app/search");

/** What agents find for a question, and nothing that the person may not read. */
export function SearchPage() {
  const { q = "", in: within = [] } = route.useSearch();
  const { data, error, isFetching, refetch } = useQuery(searchQuery(q, within));
  return (
    <Page title="Search" note="The passages that answer best, out of what you may read.">
      <SearchForm key={q} query={q} within={within} />
      {error && <Failure error={error} title="The search was not made" kept="Your words are kept above." onRetry={() => void refetch()} />}
      {q === "" && <Empty title="Ask as you would ask a colleague">A whole question finds more than single words. Names and numbers are found as they are written.</Empty>}
      {isFetching && !data && <SkeletonLines count={9} />}
      {data && <Found found={data} />}
      <OpenPassage found={data} />
    </Page>
  );
}

function SearchForm({ query, within }: { query: string; within: string[] }) {
  const [words, setWords] = useState(query);
  const navigate = route.useNavigate();
  const collections = useQuery(collectionsQuery);
  const search = (event: FormEvent) => {
    event.preventDefault();
    void navigate({ search: ({ in: chosen }) => ({ q: words.trim() || undefined, in: chosen }) });
  };
  return (
    <search>
      <form aria-label="Search" onSubmit={search} className="flex flex-col gap-3 rounded-md border border-line-strong bg-sheet p-3">
        <Input
          type="search"
          name="q"
          aria-label="What do you look for?"
          placeholder="What notice period does the supply agreement set?"
          value={words}
          onChange={(event) => setWords(event.target.value)}
          maxLength={4000}
          className="h-10 text-[16px]"
        />
        <div className="flex items-center justify-between gap-3">
          <CollectionChoice
            collections={collections.data ?? []}
            chosen={within}
            onChange={(ids) => void navigate({ search: ({ q }) => ({ q, in: ids.length > 0 ? ids : undefined }), replace: true })}
          />
          <Button type="submit" look="primary" size="small" disabled={words.trim() === ""}>
            <Search aria-hidden /> Search
          </Button>
        </div>
      </form>
    </search>
  );
}

function Found({ found }: { found: FoundPassages }) {
  return (
    <section aria-label="Passages" className="flex flex-col gap-4" data-testid="search-results">
      <Verdict found={found} />
      <PassageList passages={found.passages} />
    </section>
  );
}

function OpenPassage({ found }: { found: FoundPassages | undefined }) {
  const { document, start = 0, end = 0, view } = route.useSearch();
  const navigate = route.useNavigate();
  if (document === undefined) return null;
  const passage = found?.passages.find((each) => each.document_id === document);
  return (
    <SourceDrawer
      title={passage?.document ?? ""}
      documentId={document}
      place={{ start, end }}
      view={view}
      onView={(next) => void navigate({ search: (now) => ({ ...now, view: next }), resetScroll: false, replace: true })}
      onClose={() => void navigate({ search: ({ q, in: within }) => ({ q, in: within }), resetScroll: false })}
    />
  );
}
