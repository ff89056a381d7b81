import { useQuery } from "@tanstack/react-query";
import { Copyable } from "@/components/copyable";
import { DataTable, type Column } from "@/components/data-table";
import { Facts, Section } from "@/components/facts";
import { Page } from "@/components/page";
import { Empty, Failure } from "@/components/states";
import { Status } from "@/components/status";
import { modelsQuery, type ServedModel } from "@/features/models/api";
import { formatBytes, formatNumber, humanise, shortHash } from "@/lib/format";

const dash = <span className="text-muted">–</span>;

const COLUMNS: Column<ServedModel>[] = [
  {
    id: "name",
    header: "Model",
    inList: "title",
    className: "w-full min-w-56",
    cell: (model) => (
      <span className="flex flex-col gap-0.5">
        <span className="font-medium break-words">{model.id}</span>
        {model.weights_sha256 && <Copyable value={model.weights_sha256} what="SHA-256 of the weights" shown={shortHash(model.weights_sha256)} className="text-[13px] text-muted" />}
      </span>
    ),
  },
  { id: "kind", header: "Kind", inList: "meta", className: "whitespace-nowrap", cell: (model) => humanise(model.kind) },
  { id: "family", header: "Architecture", listLabel: "Architecture", className: "whitespace-nowrap", cell: (model) => model.family || dash },
  { id: "licence", header: "Licence", listLabel: "Licence", className: "whitespace-nowrap", cell: (model) => model.licence },
  {
    id: "context",
    header: "Context",
    listLabel: "Context",
    className: "text-right whitespace-nowrap tabular-nums",
    cell: (model) => (model.context_length > 0 ? `${formatNumber(model.context_length)} tokens` : dash),
  },
  { id: "form", header: "Held as", listLabel: "Held as", className: "whitespace-nowrap", cell: (model) => model.form || dash },
  { id: "bytes", header: "Memory", listLabel: "Memory", className: "text-right whitespace-nowrap tabular-nums", cell: (model) => (model.bytes > 0 ? formatBytes(model.bytes) : dash) },
  { id: "state", header: "State", inList: "line", className: "whitespace-nowrap", cell: (model) => <Status value={model.loaded ? "ready" : "pending"} label={model.loaded ? "In memory" : "On disk"} /> },
];

export function ModelsPage() {
  const { data, error, refetch } = useQuery(modelsQuery);
  return (
    <Page title="Models" note="What the model server serves. A model that isn’t in memory is read in when it is first asked.">
      {error && !data ? (
        <Failure error={error} title="The model server can't be asked" onRetry={() => void refetch()} />
      ) : data?.length === 0 ? (
        <Empty title="No models">The model server was started without any.</Empty>
      ) : (
        <div className="flex flex-col gap-10">
          {data && <MemoryPlan models={data} />}
          <DataTable label="Models" testId="models" columns={COLUMNS} rows={data} rowKey={(model) => model.id} />
        </div>
      )}
    </Page>
  );
}

/** What is in memory, and what would come to it if everything were asked. */
function MemoryPlan({ models }: { models: ServedModel[] }) {
  const total = models.reduce((sum, { bytes }) => sum + bytes, 0);
  const held = models.filter(({ loaded }) => loaded).reduce((sum, { bytes }) => sum + bytes, 0);
  const ordered = models.filter(({ bytes }) => bytes > 0).toSorted((one, other) => Number(other.loaded) - Number(one.loaded) || other.bytes - one.bytes);
  return (
    <Section title="Memory of the weights" note="Keys, values and states of conversations come on top.">
      <div aria-hidden className="flex h-3 w-full gap-px overflow-hidden rounded-sm bg-well">
        {ordered.map((model) => (
          <span key={model.id} title={model.id} className={model.loaded ? "bg-ink" : "bg-line-strong"} style={{ width: `${(model.bytes / total) * 100}%` }} />
        ))}
      </div>
      <Facts
        facts={[
          ["In memory", formatBytes(held)],
          ["All of them", formatBytes(total)],
        ]}
      />
    </Section>
  );
}
