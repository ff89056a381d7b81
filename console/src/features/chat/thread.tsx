import { getRouteApi } from "@tanstack/react-router";
import { useCallback, useEffect, useRef } from "react";
import type { Conversation, Turn } from "@/api/types";
import { Failure } from "@/components/states";
import { isOpen, useRegenerate, useSay, useStop } from "@/features/chat/api";
import { Composer } from "@/features/chat/composer";
import { newestUnder, pathTo } from "@/features/chat/turn-tree";
import { TurnItem } from "@/features/chat/turn-item";
import { useMay, useSession } from "@/features/session/api";
import { useDraft } from "@/lib/use-draft";

const route = getRouteApi("/app/chat/$conversationId");

/** The turns on the way to the one that the address names, and where the next is written. */
export function Thread({ conversation }: { conversation: Conversation }) {
  const { at } = route.useSearch();
  const navigate = route.useNavigate();
  const may = useMay();
  const { user } = useSession();
  const [text, setText] = useDraft(`${user.id} ${conversation.id}`);
  const say = useSay();
  const regenerate = useRegenerate();
  const stop = useStop();
  const path = pathTo(conversation.turns, at);
  const last = path.at(-1)?.turn;
  const answering = path.find(({ turn }) => isOpen(turn))?.turn;
  const mayWrite = conversation.own && may("conversations.write");
  const { scroller, onScroll, toEnd } = useStickToEnd(path.map(({ turn }) => turn.id).join());

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
      <div ref={scroller} onScroll={onScroll} className="min-h-0 flex-1 overflow-y-auto" data-testid="thread">
        <ol aria-label="Turns" className="mx-auto flex w-full max-w-[760px] flex-col gap-10 px-4 py-8 sm:px-8">
          {path.map((place) => (
            <TurnItem
              key={place.turn.id}
              place={place}
              mayWrite={mayWrite}
              isBusy={answering !== undefined}
              onChoose={(id) => show(newestUnder(conversation.turns, id))}
              onAsk={(words) => ask(words, place.turn.parent_id)}
              onRegenerate={() => regenerate.mutate(place.turn, { onSuccess: follow })}
            />
          ))}
        </ol>
        {path.length === 0 && <p className="px-4 py-8 text-center text-muted">Nothing was asked here yet.</p>}
      </div>
      <div className="mx-auto flex w-full max-w-[760px] flex-col gap-3 px-4 pb-4 sm:px-8">
        {say.error && <Failure error={say.error} title="The question was not sent" kept="Your words are kept." />}
        {regenerate.error && <Failure error={regenerate.error} title="No other answer was asked for" />}
        {stop.error && <Failure error={stop.error} title="The answer was not stopped" />}
        {mayWrite ? (
          <Composer
            label="Your question"
            placeholder={path.length > 0 ? "Ask further" : "Ask a question"}
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

const NEAR_END = 80;

/** Keeps the end in view while an answer grows, unless the reader has scrolled away from it. */
function useStickToEnd(turns: string) {
  const scroller = useRef<HTMLDivElement>(null);
  const isAtEnd = useRef(true);
  const toEnd = useCallback(() => {
    isAtEnd.current = true;
    const element = scroller.current;
    if (element) element.scrollTop = element.scrollHeight;
  }, []);
  const onScroll = useCallback(() => {
    const element = scroller.current;
    if (element) isAtEnd.current = element.scrollHeight - element.scrollTop - element.clientHeight < NEAR_END;
  }, []);
  useEffect(() => {
    const list = scroller.current?.firstElementChild;
    if (!list) return undefined;
    const watch = new ResizeObserver(() => isAtEnd.current && toEnd());
    watch.observe(list);
    return () => watch.disconnect();
  }, [toEnd]);
  useEffect(toEnd, [turns, toEnd]);
  return { scroller, onScroll, toEnd };
}
