import { Failure } from "@/components/states";
import { Button } from "@/components/ui/button";

type LoadMoreProps = {
  query: {
    hasNextPage: boolean;
    isFetchingNextPage: boolean;
    fetchNextPage: () => unknown;
    isFetchNextPageError: boolean;
    error: unknown;
  };
};

export function LoadMore({ query }: LoadMoreProps) {
  if (!query.hasNextPage) return null;
  return (
    <div className="flex flex-col items-center gap-3">
      {query.isFetchNextPageError && <Failure error={query.error} className="w-full" />}
      <Button onClick={() => void query.fetchNextPage()} disabled={query.isFetchingNextPage} data-testid="load-more">
        {query.isFetchingNextPage ? "Loading more…" : "Load more"}
      </Button>
    </div>
  );
}
