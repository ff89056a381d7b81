import { useQuery } from "@tanstack/react-query";
import { GrantPanel } from "@/features/access/grant-panel";
import { sharesQuery, useShare, useUnshare } from "@/features/chat/manage";

/** Who may read the conversation besides the person who began it. */
export function SharePanel({ conversationId }: { conversationId: string }) {
  const shares = useQuery(sharesQuery(conversationId));
  const share = useShare(conversationId);
  const unshare = useUnshare(conversationId);
  return (
    <GrantPanel
      rules={shares.data?.data}
      error={shares.error ?? share.error ?? unshare.error}
      busy={share.isPending || unshare.isPending}
      action="Share"
      empty="Nobody else may read it."
      onAdd={share.mutate}
      onRemove={unshare.mutate}
    />
  );
}
