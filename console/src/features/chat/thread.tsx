import { useInfiniteQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { allRows } from "@/api/pages";
import type { Conversation, Turn } from "@/api/types";
import { Failure } from "@/components/states";
import { SkeletonLines } from "@/components/ui/skeleton";
import { isOpen, turnsQuery, useRegenerate, useSay, useStop } from "@/features/chat/api";
import { Composer } from "@/features/chat/composer";
import { placeOf } from "@/features/chat/turn-tree";
import { TurnItem } from "@/features/chat/turn-item";
import { useEarlier, useStickToEnd, type Earlier } from "@/features/chat/use-thread-scroll";
import { useMay, useSession } from "@/features/session/api";
import { useDraft } from "@/lib/use-draft";

const route = getRouteApi("/app/chat/$conversationId");

/** The turns on the way to the one that the address names, and where the next is written. */
export function Thread({ conversation }: { conversation: Conversation }) {
  const { at } = route.useSearch();
  const query = useInfiniteQuery(turnsQuery(conversation.id, at));
  const turns = allRows(query.data)?.toReversed();
  if (turns) return <Turns conversation={conversation} turns={turns} earlier={query} />;
  return (
    <div className="mx-auto w-full max-w-[760px] px-4 py-8 sm:px-8">
      {query.error ? (
        <Failure error={query.error} title="The turns can't be shown" onRetry={() => void query.refetch()} />
      ) : (
        <SkeletonLines count={9} />
      )}
    </div>
  );
}

type TurnsProps = { conversation: Conversation; turns: Turn[]; earlier: Earlier };

function Turns({ conversation, turns, earlier }: TurnsProps) {
  const { turn: opened } = route.useSearch();
  const navigate = route.useNavigate();
  const may = useMay();
  const { user } = useSession();
  const [text, setText] = useDraft(`${user.id} ${conversation.id}`);
  const say = useSay();
  const regenerate = useRegenerate();
  const stop = useStop();
  const last = turns.at(-1);
  const answering = turns.find(isOpen);
  const mayWrite = conversation.own && may("conversations.write");
  const { scroller, onScroll, toEnd } = useStickToEnd(turns[0]?.id, last?.id);
  const start = useEarlier(scroller, earlier, opened !== undefined && turns.every(({ id }) => id !== opened));

  const show = (id: string | undefined) => void navigate({ search: { at: id }, resetScroll: false });
  const follow = ({ id }: Turn) => {
    show(id);
    toEnd();
  };
  // Resolves whether or not this page is still shown; only a page that is shown follows.
  const ask = (words: string, parentId: string | null) =>
    say.mutateAsync({ conversationId: conversation.id, text: words, parentId }, { onSuccess: follow });
  const send = () => void ask(text.trim(), last?.id ?? null).then(() => setText(""), () => undefined);
  const stopAnswering = () => answering && stop.mutate(answering);

  return (
    <>
      <div ref={scroller} onScroll={onScroll} className="min-h-0 flex-1 overflow-y-auto [overflow-anchor:none]" data-testid="thread">
        <div className="mx-auto flex w-full max-w-[760px] flex-col gap-10 px-4 py-8 sm:px-8">
          {earlier.hasNextPage && (
            <div ref={start} data-testid="earlier">
              {earlier.isFetchNextPageError ? (
                <Failure error={earlier.error} title="Earlier turns can't be shown" onRetry={() => void earlier.fetchNextPage()} />
              ) : (
                <SkeletonLines count={3} />
              )}
            </div>
          )}
          <ol aria-label="Turns" className="flex flex-col gap-10">
            {turns.map((turn) => (
              <TurnItem
                key={turn.id}
                place={placeOf(turn)}
                mayWrite={mayWrite}
                isBusy={answering !== undefined}
                onChoose={show}
                onAsk={(words) => ask(words, turn.parent_id)}
                onRegenerate={() => regenerate.mutate(turn, { onSuccess: follow })}
              />
            ))}
          </ol>
        </div>
        {turns.length === 0 && <p className="px-4 py-8 text-center text-muted">Nothing was asked here yet.</p>}
      </div>
      <div className="mx-auto flex w-full max-w-[760px] flex-col gap-3 px-4 pb-4 sm:px-8">
        {say.error && <Failure error={say.error} title="The question was not sent" kept="Your words are kept." />}
        {regenerate.error && <Failure error={regenerate.error} title="No other answer was asked for" />}
        {stop.error && <Failure error={stop.error} title="The answer was not stopped" />}
        {mayWrite ? (
          <Composer
            label="Your question"
            placeholder={turns.length > 0 ? "Ask further" : "Ask a question"}
            text={text}
            onText={setText}
            onSend={send}
            answering={answering !== undefined}
            stopping={stop.isPending || answering?.stop_requested === true}
            onStop={stopAnswering}
            busy={say.isPending}
          />
        ) : (
          <p className="border-t pt-3 text-center text-muted">You may read this conversation. Only the person who began it goes on with it.</p>
        )}
      </div>
    </>
  );
}
