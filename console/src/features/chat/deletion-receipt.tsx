import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Download } from "lucide-react";
import { Copyable } from "@/components/copyable";
import { Facts } from "@/components/facts";
import { Seal } from "@/components/seal";
import { Empty, Failure } from "@/components/states";
import { Time } from "@/components/time";
import { Button } from "@/components/ui/button";
import { SkeletonLines } from "@/components/ui/skeleton";
import { deletionQuery } from "@/features/chat/manage";
import { useMay } from "@/features/session/api";
import { formatNumber, shortHash } from "@/lib/format";
import { ApiError } from "@/api/problem";

/** Stands where a conversation was: proof that its words are gone, compared anew with what is stored. */
export function DeletionReceipt({ conversationId }: { conversationId: string }) {
  const { data, error, refetch } = useQuery(deletionQuery(conversationId));
  const may = useMay();
  if (error instanceof ApiError && (error.status === 404 || error.status === 409)) {
    return (
      <Empty
        title="There is no such conversation"
        action={
          <Button asChild>
            <Link to="/chat">New conversation</Link>
          </Button>
        }
      >
        It may be someone else’s, or its share may have been taken back.
      </Empty>
    );
  }
  if (error) return <Failure error={error} title="The receipt can't be shown" onRetry={() => void refetch()} />;
  if (!data) return <SkeletonLines count={6} />;
  return (
    <section aria-label="Receipt of the deletion" data-testid="deletion-receipt" className="flex flex-col gap-5 rounded-md border bg-sheet p-5 sm:p-6">
      <div className="flex items-start gap-3">
        <Seal size={28} state={data.verified ? "intact" : "broken"} label={data.verified ? "Verified" : "Not verified"} />
        <div>
          <h2 className="font-semibold">This conversation was deleted</h2>
          <p className="text-muted">
            {data.verified ? "None of its words are stored any more." : `${formatNumber(data.remaining)} of its contents are still stored. Ask an administrator to look into it.`}
          </p>
        </div>
      </div>
      <Facts
        facts={[
          ["Deleted", <Time key="at" at={data.deleted_at} />],
          ["Turns", formatNumber(data.turns)],
          ["Words forgotten", `${formatNumber(data.forgotten.length)} contents, ${formatNumber(data.remaining)} left`],
          ["Commitments", <Copyable key="hash" value={data.commitments_sha256} shown={shortHash(data.commitments_sha256)} what="hash of the commitments" />],
          [
            "On record",
            may("audit.read") ? (
              <Link key="record" to="/audit/$recordId" params={{ recordId: data.record_id }} className="underline underline-offset-4">
                Open the audit record
              </Link>
            ) : (
              <Copyable key="record" value={data.record_id} what="record id" />
            ),
          ],
        ]}
      />
      <Button asChild size="small" className="self-start">
        <a href={`/api/v1/conversations/${conversationId}/deletion`} download={`deletion-${conversationId}.json`}>
          <Download aria-hidden /> Download the receipt
        </a>
      </Button>
    </section>
  );
}
