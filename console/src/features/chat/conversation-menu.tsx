import { useNavigate } from "@tanstack/react-router";
import { Download, Ellipsis, FileJson, Pencil, Share2, Trash2 } from "lucide-react";
import { useState } from "react";
import type { Conversation } from "@/api/types";
import { Failure } from "@/components/states";
import { Button } from "@/components/ui/button";
import { Menu, MenuItem, MenuPanel, MenuSeparator, MenuTrigger } from "@/components/ui/menu";
import { Confirm, Dialog } from "@/components/ui/overlay";
import { useDeleteConversation, useExport } from "@/features/chat/manage";
import { RenameForm } from "@/features/chat/rename-form";
import { SharePanel } from "@/features/chat/share-panel";
import { useMay } from "@/features/session/api";
import { plural } from "@/lib/format";

type Open = "rename" | "share" | "delete" | null;

/** What can be done with the whole conversation. */
export function ConversationMenu({ conversation }: { conversation: Conversation }) {
  const [open, setOpen] = useState<Open>(null);
  const may = useMay();
  const mine = conversation.own && may("conversations.write");
  const save = useExport(conversation);
  return (
    <>
      {mine && (
        <Button size="small" onClick={() => setOpen("share")} className="hidden sm:inline-flex">
          <Share2 aria-hidden /> Share
        </Button>
      )}
      <Menu>
        <MenuTrigger asChild>
          <Button look="quiet" size="icon" aria-label="More about this conversation" data-testid="conversation-menu">
            <Ellipsis />
          </Button>
        </MenuTrigger>
        <MenuPanel align="end">
          {mine && (
            <>
              <MenuItem onSelect={() => setOpen("rename")}>
                <Pencil aria-hidden /> Rename
              </MenuItem>
              <MenuItem onSelect={() => setOpen("share")}>
                <Share2 aria-hidden /> Share
              </MenuItem>
            </>
          )}
          <MenuItem onSelect={() => save.mutate("markdown")}>
            <Download aria-hidden /> Export as Markdown
          </MenuItem>
          <MenuItem onSelect={() => save.mutate("json")}>
            <FileJson aria-hidden /> Export as JSON
          </MenuItem>
          {mine && (
            <>
              <MenuSeparator />
              <MenuItem onSelect={() => setOpen("delete")}>
                <Trash2 aria-hidden /> Delete
              </MenuItem>
            </>
          )}
        </MenuPanel>
      </Menu>
      <Dialog open={open === "rename"} onClose={() => setOpen(null)} title="Rename the conversation">
        <RenameForm conversation={conversation} onDone={() => setOpen(null)} />
      </Dialog>
      <Dialog
        open={open === "share"}
        onClose={() => setOpen(null)}
        title="Share the conversation"
        description="To read it, not to go on with it. Whoever reads it sees words of a document only if they may read that document themselves."
      >
        <SharePanel conversationId={conversation.id} />
      </Dialog>
      <Dialog open={save.isError} onClose={save.reset} title="The conversation was not exported">
        <Failure error={save.error} />
      </Dialog>
      <DeleteConversation conversation={conversation} open={open === "delete"} onClose={() => setOpen(null)} />
    </>
  );
}

function DeleteConversation({ conversation, open, onClose }: { conversation: Conversation; open: boolean; onClose: () => void }) {
  const remove = useDeleteConversation();
  const navigate = useNavigate();
  const gone = () => void navigate({ to: "/chat/$conversationId", params: { conversationId: conversation.id }, search: {} });
  return (
    <Confirm
      open={open}
      onClose={onClose}
      onConfirm={() => remove.mutate(conversation.id, { onSuccess: gone })}
      busy={remove.isPending}
      title={`Delete “${conversation.title ?? "New conversation"}”?`}
      consequence={`The words of its ${plural(conversation.turn_count, "turn")}, the feedback on them and every share are forgotten for good. The audit log keeps that they were there, without the words. You get a receipt that can be checked. This can't be undone.`}
      action="Delete the conversation"
    >
      {remove.error && <Failure error={remove.error} title="The conversation was not deleted" />}
    </Confirm>
  );
}
