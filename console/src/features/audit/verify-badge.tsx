import { useQuery } from "@tanstack/react-query";
import { RefreshCw } from "lucide-react";
import type { AuditVerification } from "@/api/types";
import { Copyable } from "@/components/copyable";
import { Seal } from "@/components/seal";
import { Failure } from "@/components/states";
import { Time } from "@/components/time";
import { Button } from "@/components/ui/button";
import { Skeleton } from "@/components/ui/skeleton";
import { verificationQuery } from "@/features/audit/api";
import { cn } from "@/lib/classes";
import { formatNumber, plural, shortHash } from "@/lib/format";

/** Whether the whole chain of records verifies: the seal, or the broken seal and where it breaks. */
export function VerifyBadge() {
  const { data, error, isFetching, refetch } = useQuery(verificationQuery);
  if (error && !data) return <Failure error={error} title="The chain could not be checked" onRetry={() => void refetch()} />;
  const isBroken = data ? !data.verified : false;
  return (
    <section
      aria-label="Integrity of the record"
      data-testid="verify-badge"
      data-verified={data?.verified}
      className={cn("flex flex-wrap items-center gap-x-4 gap-y-3 rounded-md border bg-sheet px-4 py-3.5", isBroken && "border-fail bg-fail-wash")}
    >
      {data ? <Seal size={40} state={isBroken ? "broken" : data.head.seq > 0 ? "intact" : "pending"} label={isBroken ? "Broken seal" : "Seal"} /> : <Skeleton className="size-10 rounded-full" />}
      <div className="min-w-0 flex-1 basis-60">{data ? <Verdict data={data} /> : <Skeleton className="w-64" />}</div>
      <Button size="small" onClick={() => void refetch()} disabled={isFetching}>
        <RefreshCw aria-hidden className={cn(isFetching && "animate-spin")} /> {isFetching ? "Verifying…" : "Verify again"}
      </Button>
    </section>
  );
}

function Verdict({ data }: { data: AuditVerification }) {
  const { verified, records, head, unsealed, first_bad: bad } = data;
  const waiting = unsealed > 0 ? ` ${formatNumber(unsealed)} not yet sealed.` : "";
  if (!verified) {
    return (
      <>
        <p className="font-semibold">The record does not verify</p>
        <p className="break-words">
          {bad ? `Record ${formatNumber(bad.seq)}: ${bad.reason}. ` : ""}Records before it are intact. Keep the database as it is and tell your
          security officer.
        </p>
      </>
    );
  }
  if (head.seq === 0) return <p>No records are sealed yet.{waiting}</p>;
  return (
    <>
      <p className="font-semibold">Verified: {records === 1 ? "the one record is intact" : `all ${plural(records, "record")} are intact`}</p>
      <p className="flex flex-wrap items-center gap-x-2 text-muted">
        <span>
          Head {formatNumber(head.seq)}
          {head.at && (
            <>
              , sealed <Time at={head.at} />
            </>
          )}
          .{waiting}
        </span>
        <Copyable value={head.hash} shown={shortHash(head.hash)} what="head hash" />
      </p>
    </>
  );
}
