import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { usePageTitle } from "@/components/page";
import { Seal } from "@/components/seal";
import { Failure } from "@/components/states";
import { useBegin, useSay } from "@/features/chat/api";
import { Composer } from "@/features/chat/composer";
import { ListSheet } from "@/features/chat/list-sheet";
import { collectionsQuery } from "@/features/documents/api";
import { CollectionChoice } from "@/features/documents/collection-choice";
import { useMay, useSession } from "@/features/session/api";
import { useDraft } from "@/lib/use-draft";

/** Where a conversation begins: with its first question. */
export function NewConversation() {
  const { user } = useSession();
  const [text, setText] = useDraft(`${user.id} new conversation`);
  const [chosen, setChosen] = useState<string[]>([]);
  const may = useMay();
  const collections = useQuery({ ...collectionsQuery, enabled: may("documents.read") });
  const begin = useBegin();
  const say = useSay();
  const navigate = useNavigate();
  usePageTitle("Chat");
  // A conversation whose first words could not be sent is used again at the next try, if it is to read the same.
  const start = async () => {
    const begun = begin.variables === chosen ? begin.data : undefined;
    const conversationId = (begun ?? (await begin.mutateAsync(chosen))).id;
    await say.mutateAsync({ conversationId, text: text.trim() });
    setText("");
    await navigate({ to: "/chat/$conversationId", params: { conversationId } });
  };
  const error = begin.error ?? say.error;
  return (
    <>
      <header className="flex h-14 shrink-0 items-center gap-2 px-4 lg:hidden">
        <ListSheet />
        <p className="font-semibold">Chat</p>
      </header>
      <div className="mx-auto flex w-full max-w-[760px] flex-1 flex-col justify-center gap-5 px-4 pb-16 sm:px-8">
        <div className="flex flex-col items-center gap-3 text-center">
          <Seal size={36} />
          <h1 className="font-serif text-[26px] leading-8">What do you want to know?</h1>
          <p className="max-w-[48ch] text-muted">
            Answers are copied from the documents you may read, word for word and with their sources. What they don’t say is answered with “Not in the sources”.
          </p>
        </div>
        {error && <Failure error={error} title="The question was not sent" kept="Your words are kept below." />}
        {may("conversations.write") ? (
          <Composer
            label="Your question"
            placeholder="Ask a question"
            text={text}
            onText={setText}
            onSend={() => void start().catch(() => undefined)}
            answering={false}
            busy={begin.isPending || say.isPending}
            aside={<CollectionChoice collections={collections.data ?? []} chosen={chosen} onChange={setChosen} />}
          />
        ) : (
          <p className="text-center text-muted">You may read conversations that are shared with you, but not hold them.</p>
        )}
      </div>
    </>
  );
}
