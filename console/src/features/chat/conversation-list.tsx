import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { SquarePen } from "lucide-react";
import { useDeferredValue, useState } from "react";
import { allRows } from "@/api/pages";
import type { Conversation } from "@/api/types";
import { LoadMore } from "@/components/load-more";
import { Failure } from "@/components/states";
import { Button } from "@/components/ui/button";
import { Input } from "@/components/ui/field";
import { SkeletonLines } from "@/components/ui/skeleton";
import { conversationsQuery } from "@/features/chat/api";
import { useMay } from "@/features/session/api";
import { cn } from "@/lib/classes";
import { formatRelative } from "@/lib/format";
import { useNow } from "@/lib/use-now";

/** The conversations one has or may read, the last used first, and where a new one begins. */
export function ConversationList({ onChoose }: { onChoose?: () => void }) {
  const [shared, setShared] = useState(false);
  const [title, setTitle] = useState("");
  const wanted = useDeferredValue(title.trim());
  const may = useMay();
  const query = useInfiniteQuery(conversationsQuery({ shared, title: wanted }));
  const rows = allRows(query.data);
  return (
    <div className="flex min-h-0 w-full flex-1 flex-col gap-3 py-4">
      <div className="flex flex-col gap-3 px-3">
        {may("conversations.write") && (
          <Button asChild className="justify-start">
            <Link to="/chat" onClick={onChoose} data-testid="new-chat">
              <SquarePen aria-hidden /> New conversation
            </Link>
          </Button>
        )}
        <Input type="search" aria-label="Find a conversation by title" placeholder="Find by title" value={title} onChange={(event) => setTitle(event.target.value)} />
        <Whose shared={shared} onChange={setShared} />
      </div>
      <div className="flex min-h-0 flex-1 flex-col gap-3 overflow-y-auto px-3">
        {query.error && !rows ? (
          <Failure error={query.error} title="The conversations can't be listed" onRetry={() => void query.refetch()} />
        ) : !rows ? (
          <SkeletonLines count={6} />
        ) : rows.length === 0 ? (
          <p className="px-2.5 py-2 text-muted">{nothing(shared, wanted)}</p>
        ) : (
          <Rows rows={rows} {...(onChoose ? { onChoose } : {})} />
        )}
        <LoadMore query={query} />
      </div>
    </div>
  );
}

function Whose({ shared, onChange }: { shared: boolean; onChange: (shared: boolean) => void }) {
  return (
    <fieldset aria-label="Whose conversations" className="flex gap-1">
      {[false, true].map((each) => (
        <button
          key={String(each)}
          type="button"
          aria-pressed={shared === each}
          onClick={() => onChange(each)}
          className={cn(
            "h-8 flex-1 rounded-md border border-transparent px-2 text-[13px] hover:bg-well",
            shared === each ? "border-line-strong bg-sheet font-medium" : "text-muted",
          )}
        >
          {each ? "Shared with me" : "Mine"}
        </button>
      ))}
    </fieldset>
  );
}

function Rows({ rows, onChoose }: { rows: Conversation[]; onChoose?: () => void }) {
  const now = useNow(60_000);
  return (
    <ul aria-label="Conversations" data-testid="conversations" className="flex flex-col gap-0.5">
      {rows.map((row) => (
        <li key={row.id}>
          <Link
            to="/chat/$conversationId"
            params={{ conversationId: row.id }}
            {...(onChoose ? { onClick: onChoose } : {})}
            className="flex flex-col rounded-md px-2.5 py-2 hover:bg-well"
            activeProps={{ className: "bg-well", "aria-current": "page" }}
            activeOptions={{ includeSearch: false }}
          >
            <span className="truncate">{row.title ?? "New conversation"}</span>
            <span className="text-[12px] text-muted">{formatRelative(row.updated_at, now)}</span>
          </Link>
        </li>
      ))}
    </ul>
  );
}

function nothing(shared: boolean, title: string): string {
  if (title) return "No title has these words.";
  return shared ? "Nobody shares a conversation with you." : "What you ask stays here, with its sources.";
}
