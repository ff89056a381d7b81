import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { Check } from "lucide-react";
import type { FoundDocument, QuestionResult, RequiredFound } from "@/api/types";
import { Section } from "@/components/facts";
import { Failure } from "@/components/states";
import { Drawer } from "@/components/ui/overlay";
import { SkeletonLines } from "@/components/ui/skeleton";
import { questionQuery } from "@/features/evaluations/api";
import { questionText, share } from "@/features/evaluations/words";

const route = getRouteApi("/app/evaluations/$evaluationId/questions/$questionId");

/** One question: what it requires, where that was found, and what stood before it. */
export function QuestionDrawer() {
  const { evaluationId, questionId } = route.useParams();
  const navigate = route.useNavigate();
  const { data, error, refetch } = useQuery(questionQuery(evaluationId, questionId));
  const close = () => void navigate({ to: "/evaluations/$evaluationId", params: { evaluationId }, search: (now) => now });
  return (
    <Drawer open onClose={close} testId="question-drawer" title={data ? questionText(data) : "Question"}>
      {error && !data && <Failure error={error} title="The question can't be shown" onRetry={() => void refetch()} />}
      {!data && !error && <SkeletonLines count={8} />}
      {data && (
        <div className="flex flex-col gap-8">
          <Section title="Required">
            <ul className="flex flex-col border-t">
              {data.documents.map((required, index) => (
                <Required key={required.document ?? index} required={required} />
              ))}
            </ul>
          </Section>
          {data.rankings.map(({ configuration }) => (
            <Found key={configuration} question={data} configuration={configuration} />
          ))}
        </div>
      )}
    </Drawer>
  );
}

function Required({ required: { document, found, ranks } }: { required: RequiredFound }) {
  const named = document ?? "A document";
  return (
    <li className="flex flex-wrap justify-between gap-x-4 gap-y-1 border-b py-2">
      <span className="min-w-0 break-words">{found ? <DocumentLink of={found} /> : named}</span>
      <span className="text-muted">
        {found
          ? ranks.map(({ configuration, rank }) => `${configuration}: ${rank === null ? "not found" : `place ${rank}`}`).join(", ")
          : "Not there, not ready, or not for you"}
      </span>
    </li>
  );
}

function Found({ question, configuration }: { question: QuestionResult; configuration: string }) {
  const score = question.scores.find((one) => one.configuration === configuration);
  const documents = question.rankings.find((one) => one.configuration === configuration)?.documents ?? [];
  return (
    <Section title={`Found by “${configuration}”`} note={score && `nDCG@10 ${share(score.ndcg_at_10)}`}>
      {documents.length === 0 ? (
        <p className="text-muted">Nothing: no document was in reach.</p>
      ) : (
        <ol className="flex flex-col border-t" aria-label={`Found by ${configuration}`}>
          {documents.map(({ rank, document, required }) => (
            <li key={rank} className="flex items-start gap-3 border-b py-2">
              <span className="w-6 shrink-0 text-right text-muted tabular-nums">{rank}</span>
              <span className="min-w-0 flex-1 break-words">
                {document ? <DocumentLink of={document} /> : <span className="text-muted">A document that you may not read any more</span>}
              </span>
              {required && (
                <span className="inline-flex shrink-0 items-center gap-1 text-[13px]">
                  <Check aria-hidden className="size-4 text-ok" /> required
                </span>
              )}
            </li>
          ))}
        </ol>
      )}
    </Section>
  );
}

function DocumentLink({ of }: { of: FoundDocument }) {
  return (
    <Link to="/documents/$documentId" params={{ documentId: of.id }} search={{}} className="underline-offset-4 hover:underline">
      {of.name}
      {of.title && of.title !== of.name && <span className="block text-[13px] text-muted">{of.title}</span>}
    </Link>
  );
}
