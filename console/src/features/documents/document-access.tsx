import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useState } from "react";
import { allRows } from "@/api/pages";
import type { Document, Reader } from "@/api/types";
import { Section } from "@/components/facts";
import { LoadMore } from "@/components/load-more";
import { Empty, Failure } from "@/components/states";
import { Status } from "@/components/status";
import { Select } from "@/components/ui/select";
import { SkeletonLines } from "@/components/ui/skeleton";
import type { Choice } from "@/features/access/directory";
import { PrincipalPicker } from "@/features/access/principal-picker";
import { pathWords, verdictWords } from "@/features/documents/access-words";
import { GrantEditor } from "@/features/documents/grant-editor";
import { readerQuery, readersQuery } from "@/features/documents/grants";
import { useMay } from "@/features/session/api";
import { plural } from "@/lib/format";

const route = getRouteApi("/app/documents/$documentId");

/** Who can see a document and why: one person asked about, everyone reached, and the grants on it. */
export function DocumentAccessTab({ document }: { document: Document }) {
  const mayLookUp = useMay()("directory.read");
  return (
    <div className="flex flex-col gap-8">
      {mayLookUp && <OnePerson documentId={document.id} />}
      <Everyone documentId={document.id} />
      <Section title="Grants on this document" note="Those on its collection apply besides. A deny beats every allow.">
        <GrantEditor on={{ kind: "document", id: document.id }} empty="None: who may read it is settled by its collection alone." />
      </Section>
    </div>
  );
}

function OnePerson({ documentId }: { documentId: string }) {
  const { person } = route.useSearch();
  const navigate = route.useNavigate();
  const reader = useQuery({ ...readerQuery(documentId, person ?? ""), enabled: person !== undefined }).data;
  const [picked, setPicked] = useState<Choice | null>(null);
  const chosen = picked ?? (reader ? { principal: `user:${reader.id}`, label: reader.name || reader.email, note: reader.email } : null);
  const ask = (choice: Choice | null) => {
    setPicked(choice);
    void navigate({ search: (now) => ({ ...now, person: choice?.principal.replace("user:", "") }), replace: true });
  };
  return (
    <Section title="May this person see it?">
      <div className="max-w-96">
        <PrincipalPicker label="Person" people chosen={chosen} onChoose={ask} />
      </div>
      {person && <Verdict documentId={documentId} userId={person} />}
    </Section>
  );
}

function Verdict({ documentId, userId }: { documentId: string; userId: string }) {
  const { data, error } = useQuery(readerQuery(documentId, userId));
  if (error) return <Failure error={error} title="That can't be told" />;
  if (data === undefined) return <SkeletonLines count={2} />;
  if (data === null) return <p className="text-muted">There is no such person.</p>;
  return (
    <div data-testid="verdict" className="rounded-md border bg-sheet px-4 py-3">
      <Why reader={data} />
    </div>
  );
}

const SHOWN = [
  { value: "", label: "Everyone with a grant" },
  { value: "yes", label: "Only who may read it" },
  { value: "no", label: "Only who may not" },
];

function Everyone({ documentId }: { documentId: string }) {
  const [shown, setShown] = useState("");
  const query = useInfiniteQuery(readersQuery(documentId, shown === "" ? undefined : shown === "yes"));
  const rows = allRows(query.data);
  const readers = query.data?.pages[0]?.readers;
  return (
    <Section title="Who can see it" note={readers !== undefined && `${plural(readers, "person", "people")} may read it`}>
      <Select label="Shown" value={shown} onChange={setShown} options={SHOWN} className="self-start" />
      {query.error && !rows ? (
        <Failure error={query.error} title="The people can't be listed" onRetry={() => void query.refetch()} />
      ) : !rows ? (
        <SkeletonLines count={4} />
      ) : rows.length === 0 ? (
        <Empty title="Nobody">{shown === "no" ? "No grant closes it to anybody." : "No grant opens it to anybody. Add one below."}</Empty>
      ) : (
        <ul aria-label="People" data-testid="readers" className="flex flex-col border-t">
          {rows.map((reader) => (
            <li key={reader.id} className="border-b py-3">
              <Why reader={reader} />
            </li>
          ))}
        </ul>
      )}
      <LoadMore query={query} />
    </Section>
  );
}

function Why({ reader }: { reader: Reader }) {
  return (
    <div className="flex flex-col gap-1">
      <p className="flex flex-wrap items-baseline justify-between gap-x-4">
        <span className="min-w-0 font-medium break-words">{reader.name || reader.email}</span>
        {reader.name && <span className="text-[13px] break-all text-muted">{reader.email}</span>}
      </p>
      <Status value={reader.may_read ? "allowed" : "denied"} label={verdictWords(reader)} className="whitespace-normal" />
      {reader.paths.length > 0 && (
        <ul className="flex flex-col text-[13px] text-muted">
          {reader.paths.map((path) => (
            <li key={path.grant_id}>
              {pathWords(path, reader)}
              {path.grant_id === reader.deciding?.grant_id && reader.paths.length > 1 && <span className="text-ink"> (decides)</span>}
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
