import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { ApiError } from "@/api/problem";
import type { Conversation } from "@/api/types";
import { usePageTitle } from "@/components/page";
import { Failure } from "@/components/states";
import { SkeletonLines } from "@/components/ui/skeleton";
import { conversationQuery } from "@/features/chat/api";
import { ConversationMenu } from "@/features/chat/conversation-menu";
import { DeletionReceipt } from "@/features/chat/deletion-receipt";
import { ListSheet } from "@/features/chat/list-sheet";
import { Thread } from "@/features/chat/thread";
import { Time } from "@/components/time";
import { plural } from "@/lib/format";

const route = getRouteApi("/app/chat/$conversationId");

export function ConversationPage() {
  const { conversationId } = route.useParams();
  return <ConversationView key={conversationId} id={conversationId} />;
}

function ConversationView({ id }: { id: string }) {
  const { data, error, refetch } = useQuery(conversationQuery(id));
  usePageTitle(data?.title ?? "Chat");
  const isGone = error instanceof ApiError && error.status === 404;
  return (
    <>
      <header className="flex h-14 shrink-0 items-center gap-2 border-b px-4 sm:px-6">
        <ListSheet />
        <div className="min-w-0 flex-1">
          <h1 className="truncate font-semibold" data-testid="conversation-title">
            {data ? (data.title ?? "New conversation") : "Chat"}
          </h1>
          {data && <Standing conversation={data} />}
        </div>
        {data && <ConversationMenu conversation={data} />}
      </header>
      {!data && (
        <div className="mx-auto w-full max-w-[760px] px-4 py-8 sm:px-8">
          {isGone ? (
            <DeletionReceipt conversationId={id} />
          ) : error ? (
            <Failure error={error} title="The conversation can't be shown" onRetry={() => void refetch()} />
          ) : (
            <SkeletonLines count={9} />
          )}
        </div>
      )}
      {data && <Thread conversation={data} />}
    </>
  );
}

function Standing({ conversation }: { conversation: Conversation }) {
  return (
    <p className="truncate text-[12px] leading-4 text-muted">
      {!conversation.own && "Shared with you, to read · "}
      {plural(conversation.turn_count, "turn")} · <Time at={conversation.updated_at} />
    </p>
  );
}
