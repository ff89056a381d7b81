import { Copyable } from "@/components/copyable";
import { Facts, Section } from "@/components/facts";
import { JsonBlock, MonoBlock } from "@/components/mono";
import { Empty } from "@/components/states";
import { Drawer } from "@/components/ui/overlay";
import type { ModelCall } from "@/features/tasks/run-view";
import { formatDuration, formatNumber, humanise, shortHash } from "@/lib/format";

type CallDrawerProps = { call: ModelCall | undefined; onClose: () => void };

/** One model call: exactly what was sent, what came back, and which weights wrote it. */
export function CallDrawer({ call, onClose }: CallDrawerProps) {
  return (
    <Drawer open onClose={onClose} testId="call-drawer" title={call ? `Model call: ${humanise(call.purpose).toLowerCase()}` : "Model call"}>
      {call ? <CallDetail call={call} /> : <Empty title="This call is not on record">It may still be on its way.</Empty>}
    </Drawer>
  );
}

function CallDetail({ call }: { call: ModelCall }) {
  const { answer } = call;
  return (
    <div className="flex flex-col gap-6">
      {answer && (
        <Facts
          facts={[
            ["Model", answer.model.name],
            ["Engine", answer.model.engine],
            ["Weights", <Copyable key="weights" value={answer.model.weights_sha256} shown={shortHash(answer.model.weights_sha256)} what="weights hash" />],
            ["Prompt", `${formatNumber(answer.model.prompt_tokens)} tokens, ${formatNumber(answer.model.cached_tokens)} from cache`],
            ["Output", `${formatNumber(answer.model.completion_tokens)} tokens, ended by ${answer.finishReason}`],
            ["Likelihood", answer.meanLogprob === null ? null : `${answer.meanLogprob.toFixed(2)} mean log-probability`],
            ["Took", formatDuration(answer.seconds)],
          ]}
        />
      )}
      <Section title="Prompt">
        <ol className="flex flex-col gap-3">
          {call.messages.map((message, index) => (
            <li key={index} className="flex flex-col gap-1">
              <span className="text-[13px] text-muted">{humanise(message["role"] ?? "message")}</span>
              <MonoBlock text={message["content"] ?? ""} />
            </li>
          ))}
        </ol>
      </Section>
      <Section title="Output">{answer ? <MonoBlock text={answer.text} /> : <p className="text-muted">Being written.</p>}</Section>
      {call.constraint && (
        <Section title="Constraint" note="The output could not leave this shape.">
          <JsonBlock value={call.constraint} />
        </Section>
      )}
    </div>
  );
}
