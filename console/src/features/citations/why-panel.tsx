import { Link } from "@tanstack/react-router";
import type { Citation } from "@/api/types";
import { Copyable } from "@/components/copyable";
import { Facts, Section } from "@/components/facts";
import { VerifiedQuote } from "@/features/citations/verified-quote";
import type { Why } from "@/features/citations/why-cited";
import { reachWords } from "@/features/citations/search-words";
import { useMay } from "@/features/session/api";
import { formatNumber, plural, shortHash } from "@/lib/format";

/** Why an answer cites a place: how it was found, how it was chosen, and by which rule it could be read. */
export function WhyPanel({ citation, why }: { citation: Citation; why: Why }) {
  const { found, chosen } = why;
  return (
    <div className="flex flex-col gap-6" data-testid="why-cited">
      <Section title="How it was found">
        {found ? (
          <Facts
            facts={[
              ["Searched for", <span key="query">“{found.search.query}”</span>],
              ["Rank", `${found.rank} of ${plural(found.search.passages.length, "passage")}, score ${found.passage.score.toFixed(3)}`],
              ["Reach", found.search.allowed > 0 ? reachWords(found.search.allowed, found.search.denied) : null],
            ]}
          />
        ) : (
          <p className="text-muted">No search on record brought this passage; the whole document was read.</p>
        )}
      </Section>
      <Section title="How it was chosen">
        <p>
          {chosen
            ? `The model was shown ${plural(chosen.of, "line")} of the passages and copied this one, number ${chosen.rank} by likeness to the question.`
            : "The model copied these words from the passage."}
        </p>
      </Section>
      <Section title="What was checked">
        <Facts
          facts={[
            ["Quote", <VerifiedQuote key="quote" verified={citation.verified} />],
            ["Place", `Characters ${formatNumber(citation.start)} to ${formatNumber(citation.end)}`],
            ["SHA-256", <Copyable key="hash" value={citation.quote_sha256} shown={shortHash(citation.quote_sha256)} what="hash of the quote" />],
          ]}
        />
      </Section>
      <Access documentId={citation.document_id} />
    </div>
  );
}

function Access({ documentId }: { documentId: string }) {
  const may = useMay();
  return (
    <Section title="Who may read it">
      <p>
        The document was in the asker’s reach when the answer was made, and is looked up again each time the answer is shown.{" "}
        {may("collections.manage") && (
          <Link
            to="/documents/$documentId"
            params={{ documentId }}
            search={{ tab: "access" }}
            className="underline underline-offset-4"
          >
            See who can read this document
          </Link>
        )}
      </p>
    </Section>
  );
}
