import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import type { AuditRecord } from "@/api/types";
import { Copyable } from "@/components/copyable";
import { Facts, Section } from "@/components/facts";
import { JsonBlock } from "@/components/mono";
import { Seal } from "@/components/seal";
import { Failure } from "@/components/states";
import { Status } from "@/components/status";
import { Time } from "@/components/time";
import { Drawer } from "@/components/ui/overlay";
import { SkeletonLines } from "@/components/ui/skeleton";
import { auditRecordQuery } from "@/features/audit/api";
import { actorId, actorName, eventName, resourceName } from "@/features/audit/names";
import { HeldContent } from "@/features/audit/held-content";
import { formatNumber } from "@/lib/format";

const route = getRouteApi("/app/audit/$recordId");

export function RecordDrawer() {
  const { recordId } = route.useParams();
  const navigate = route.useNavigate();
  const { data, error, refetch } = useQuery(auditRecordQuery(recordId));
  return (
    <Drawer
      open
      onClose={() => void navigate({ to: "/audit", search: (now) => now })}
      testId="record-drawer"
      title={data ? <span className="font-mono text-[15px] break-all">{data.action}</span> : "Record"}
    >
      {error && !data && <Failure error={error} title="The record can't be shown" onRetry={() => void refetch()} />}
      {!data && !error && <SkeletonLines count={10} />}
      {data && <RecordDetail key={data.id} record={data} />}
    </Drawer>
  );
}

function RecordDetail({ record }: { record: AuditRecord }) {
  const filterLink = "underline underline-offset-4";
  return (
    <div className="flex flex-col gap-7">
      <Integrity record={record} />
      <Facts
        facts={[
          ["Time", <Time key="time" at={record.time} />],
          ["Kind", eventName(record.event_type)],
          ["Outcome", <Status key="outcome" value={record.outcome} />],
          [
            "Actor",
            actorId(record) ? (
              <Link key="actor" to="/audit" search={{ actor_id: actorId(record) }} className={filterLink}>
                {actorName(record)}
              </Link>
            ) : (
              actorName(record)
            ),
          ],
          ["Resource", resourceName(record)],
          [
            "Task",
            record.task_id && (
              <span key="task" className="flex flex-wrap gap-x-4">
                <Link to="/tasks/$taskId" params={{ taskId: record.task_id }} className={filterLink}>
                  Open the task
                </Link>
                <Link to="/audit" search={{ task_id: record.task_id }} className={filterLink}>
                  All its records
                </Link>
              </span>
            ),
          ],
          ["Request", record.request_id && <Copyable key="request" value={record.request_id} what="request id" />],
          ["Record", <Copyable key="id" value={record.id} what="record id" />],
        ]}
      />
      {record.content.length > 0 && <HeldContent record={record} />}
      <Section title="Details">
        <JsonBlock value={record.details} />
      </Section>
    </div>
  );
}

function Integrity({ record }: { record: AuditRecord }) {
  const { sealed, prev_hash: previous, hash } = record.integrity;
  return (
    <section aria-label="Integrity" data-testid="integrity" className="flex gap-4 rounded-md border bg-sheet p-4">
      <Seal size={32} state={sealed ? "intact" : "pending"} />
      <div className="flex min-w-0 flex-1 flex-col gap-3">
        <p className="font-semibold">{sealed ? `Sealed as record ${formatNumber(record.seq ?? 0)}` : "Not yet sealed"}</p>
        {sealed ? (
          <Facts
            className="text-[13px]"
            facts={[
              ["Hash", hash && <Copyable key="hash" value={hash} what="hash" />],
              ["Previous", previous && <Copyable key="previous" value={previous} what="previous hash" />],
            ]}
          />
        ) : (
          <p className="text-muted">It is stored; the next seal, within seconds, ties it into the chain.</p>
        )}
      </div>
    </section>
  );
}
