import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { ApiError } from "@/api/problem";
import type { Document, DocumentReport } from "@/api/types";
import { Copyable } from "@/components/copyable";
import { Facts, Section } from "@/components/facts";
import { Failure } from "@/components/states";
import { Time } from "@/components/time";
import { SkeletonLines } from "@/components/ui/skeleton";
import { languageName } from "@/features/documents/kinds";
import { reportQuery } from "@/features/documents/manage";
import { formatDay, formatDuration, formatNumber, formatShare, plural, shortHash } from "@/lib/format";

/** What became of the file when it was read in. */
export function DocumentReportTab({ document }: { document: Document }) {
  const { data, error, refetch } = useQuery(reportQuery(document.id));
  if (error) return <Failure error={error} title="The report can't be shown" onRetry={() => void refetch()} />;
  if (!data) return <SkeletonLines count={8} />;
  return (
    <div className="flex flex-col gap-8" data-testid="document-report">
      {data.status === "rejected" ? <Refusal report={data} /> : <Found report={data} />}
      <LastReading report={data} />
      {(data.status === "ready" || data.notes.length > 0) && <Notes report={data} />}
      <NearDuplicates report={data} />
      <Section title="The file">
        <Facts
          facts={[
            ["SHA-256", <Copyable key="hash" value={document.sha256} shown={shortHash(document.sha256)} what="hash" />],
            ["Id", <Copyable key="id" value={document.id} what="document id" />],
          ]}
        />
      </Section>
    </div>
  );
}

/** What is wrong with the file, and what whoever has it can do. */
function Refusal({ report: { problem } }: { report: DocumentReport }) {
  return (
    <Section title="Why it could not be read">
      {problem && <Failure error={new ApiError(problem)} kept="The file is kept. Under Change it can be replaced, read again or deleted." />}
      <Facts facts={[["Reason", problem && <code key="reason" className="font-mono text-[12.5px]">{problem.code}</code>]]} />
    </Section>
  );
}

function Found({ report }: { report: DocumentReport }) {
  const { ocr_pages: recognised } = report;
  return (
    <Section title="What was found">
      <Facts
        facts={[
          ["Pages", report.page_count > 0 ? formatNumber(report.page_count) : null],
          ["Read by OCR", recognised.length > 0 ? `Page ${recognised.join(", ")}` : null],
          ["Text", report.characters === null ? null : plural(report.characters, "character")],
          ["Language", report.language === null ? "Can’t be told" : languageName(report.language)],
          ["Dated", report.dated && formatDay(report.dated)],
          ["Tables", formatNumber(report.tables)],
          ["Chunks", formatNumber(report.chunks)],
        ]}
      />
    </Section>
  );
}

function LastReading({ report: { reading } }: { report: DocumentReport }) {
  if (!reading) return null;
  return (
    <Section title="Last reading" note="Chunks that say the same as before keep their ids and vectors.">
      <Facts
        facts={[
          ["Ended", reading.finished_at && <Time key="ended" at={reading.finished_at} />],
          ["Took", reading.seconds === null ? null : formatDuration(reading.seconds)],
          ["Attempts", reading.attempts > 1 ? formatNumber(reading.attempts) : null],
          ["Kept", reading.kept === null ? null : plural(reading.kept, "chunk")],
          ["Added", reading.added === null ? null : plural(reading.added, "chunk")],
          ["Removed", reading.removed === null ? null : plural(reading.removed, "chunk")],
        ]}
      />
    </Section>
  );
}

function Notes({ report: { notes } }: { report: DocumentReport }) {
  return (
    <Section title="Left out or guessed">
      {notes.length === 0 ? (
        <p className="text-muted">Nothing: the whole file was read as it is.</p>
      ) : (
        <ul className="flex flex-col border-t">
          {notes.map((note, index) => (
            <li key={index} className="flex flex-wrap justify-between gap-x-4 border-b py-2">
              <span className="min-w-0 flex-1 break-words">{note.message}</span>
              {note.page !== null && note.page !== undefined && <span className="text-[13px] text-muted">Page {note.page}</span>}
            </li>
          ))}
        </ul>
      )}
    </Section>
  );
}

function NearDuplicates({ report: { near_duplicates: alike } }: { report: DocumentReport }) {
  if (alike.length === 0) return null;
  return (
    <Section title="Says nearly the same" note="Of the documents that you may read">
      <ul className="flex flex-col border-t">
        {alike.map(({ document_id: id, title, share }) => (
          <li key={id} className="flex justify-between gap-4 border-b py-2">
            <Link to="/documents/$documentId" params={{ documentId: id }} className="min-w-0 break-words underline-offset-4 hover:underline">
              {title}
            </Link>
            <span className="shrink-0 text-muted">{formatShare(share)} of this document’s chunks</span>
          </li>
        ))}
      </ul>
    </Section>
  );
}
