import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { RefreshCw } from "lucide-react";
import { useState } from "react";
import type { IndexState } from "@/api/types";
import { Facts, Section } from "@/components/facts";
import { Page } from "@/components/page";
import { Failure } from "@/components/states";
import { Status } from "@/components/status";
import { Time } from "@/components/time";
import { Button } from "@/components/ui/button";
import { Confirm } from "@/components/ui/overlay";
import { SkeletonLines } from "@/components/ui/skeleton";
import { indexQuery, useRebuild } from "@/features/index/api";
import { formatBytes, formatNumber, plural } from "@/lib/format";

export function IndexPage() {
  const { data, error, refetch } = useQuery(indexQuery);
  const [asking, setAsking] = useState(false);
  const rebuild = useRebuild();
  return (
    <Page
      title="Index"
      note="What searches look in. It is a view of the log of chunks in the database and can be rebuilt from it at any time."
      action={
        <Button onClick={() => setAsking(true)} disabled={!data || data.rebuilding !== null} data-testid="rebuild">
          <RefreshCw aria-hidden /> {data?.rebuilding ? "Being rebuilt…" : "Rebuild"}
        </Button>
      }
    >
      {error && !data && <Failure error={error} title="The state of the index can't be shown" onRetry={() => void refetch()} />}
      {!data && !error && <SkeletonLines count={9} />}
      {data && <State index={data} />}
      <Confirm
        open={asking}
        onClose={() => setAsking(false)}
        onConfirm={() => rebuild.mutate(undefined, { onSuccess: () => setAsking(false) })}
        busy={rebuild.isPending}
        title="Rebuild the index?"
        consequence="The index is read from the log once more and saved. Searches go on with the present one meanwhile; documents, vectors and access stay as they are. It takes processor time of the worker."
        action="Rebuild the index"
      >
        {rebuild.error && <Failure error={rebuild.error} title="The index is not rebuilt" />}
      </Confirm>
    </Page>
  );
}

function State({ index }: { index: IndexState }) {
  return (
    <div className="grid gap-x-12 gap-y-8 lg:grid-cols-2" data-testid="index-state">
      <Section title="What it holds">
        <Facts
          facts={[
            ["Documents", formatNumber(index.documents)],
            ["Chunks", formatNumber(index.chunks)],
            ["Embedding model", index.model ?? "The model server can’t be asked now"],
            ["Dimensions", index.dimensions === null ? "None stored yet" : formatNumber(index.dimensions)],
            ["End of the log", formatNumber(index.seq)],
          ]}
        />
      </Section>
      <Section title="In this process" note="Each process has a view of its own.">
        <Facts
          facts={[
            ["Chunks held", formatNumber(index.view.chunks)],
            ["Read up to", `${formatNumber(index.view.seq)}, ${index.view.behind === 0 ? "which is the end" : `${formatNumber(index.view.behind)} behind; the next search reads them first`}`],
            ["Form", FORMS[index.view.form]],
          ]}
        />
      </Section>
      <Backlog index={index} />
      <Snapshots snapshots={index.snapshots} />
    </div>
  );
}

const FORMS: Record<IndexState["view"]["form"], string> = {
  exact: "Exact: every search looks at all chunks in reach",
  approximate: "Approximate: a search looks where it has learnt to, and compares what it finds exactly",
};

function Backlog({ index: { backlog, rebuilding } }: { index: IndexState }) {
  const waits = backlog.queued + backlog.processing;
  return (
    <Section title="Backlog">
      <ul className="flex flex-col gap-2">
        <li>
          <Status value={waits === 0 ? "done" : "processing"} label={waits === 0 ? "Every document is read in" : `${plural(backlog.processing, "document")} being read, ${formatNumber(backlog.queued)} waiting`} />
        </li>
        {backlog.rejected > 0 && (
          <li>
            <Link to="/documents" search={{ status: "rejected" }} className="underline-offset-4 hover:underline">
              <Status value="rejected" label={`${plural(backlog.rejected, "document")} could not be read`} />
            </Link>
          </li>
        )}
        {rebuilding && (
          <li>
            <Link to="/jobs" search={{}} className="underline-offset-4 hover:underline">
              <Status value="running" label="The index is being rebuilt" />
            </Link>
          </li>
        )}
      </ul>
    </Section>
  );
}

function Snapshots({ snapshots }: { snapshots: IndexState["snapshots"] }) {
  return (
    <Section title="Snapshots on this machine" note="Encrypted; a process starts from the newest and reads the rest from the log.">
      {snapshots.length === 0 ? (
        <p className="text-muted">None yet: a process that starts reads the whole log.</p>
      ) : (
        <ul className="flex flex-col border-t">
          {snapshots.map((snapshot) => (
            <li key={snapshot.id} className="flex flex-wrap justify-between gap-x-4 border-b py-2">
              <span>
                Up to {formatNumber(snapshot.seq)}, {formatBytes(snapshot.bytes)}
              </span>
              <span className="text-muted">
                <Time at={snapshot.created_at} />
              </span>
            </li>
          ))}
        </ul>
      )}
    </Section>
  );
}
