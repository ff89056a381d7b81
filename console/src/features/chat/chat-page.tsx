import { Outlet } from "@tanstack/react-router";
import { ConversationList } from "@/features/chat/conversation-list";

/** Conversations on the left, the one that is open beside them. On small screens the list is a sheet. */
export function ChatPage() {
  return (
    <div className="flex h-[calc(100dvh-65px)] md:h-dvh">
      <aside aria-label="Conversations" className="hidden w-[272px] shrink-0 border-r lg:flex">
        <ConversationList />
      </aside>
      <div className="flex min-w-0 flex-1 flex-col">
        <Outlet />
      </div>
    </div>
  );
}
