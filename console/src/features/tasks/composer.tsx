import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { ArrowUp } from "lucide-react";
import { useState, type FormEvent, type KeyboardEvent } from "react";
import { Failure } from "@/components/states";
import { Button } from "@/components/ui/button";
import { collectionsQuery } from "@/features/documents/api";
import { CollectionChoice } from "@/features/documents/collection-choice";
import { useMay, useSession } from "@/features/session/api";
import { useCreateTask } from "@/features/tasks/api";
import { useDraft } from "@/lib/use-draft";

/** Where a task is asked for: the request, and which collections it may read. */
export function Composer() {
  const { user } = useSession();
  const [request, setRequest] = useDraft(`${user.id} new task`);
  const [chosen, setChosen] = useState<string[]>([]);
  const may = useMay();
  const collections = useQuery({ ...collectionsQuery, enabled: may("documents.read") });
  const create = useCreateTask();
  const navigate = useNavigate();
  const isReady = request.trim() !== "" && !create.isPending;

  const start = () => {
    if (!isReady) return;
    create.mutate(
      { request: request.trim(), ...(chosen.length > 0 ? { collection_ids: chosen } : {}) },
      {
        onSuccess: ({ id }) => {
          setRequest("");
          void navigate({ to: "/tasks/$taskId", params: { taskId: id } });
        },
      },
    );
  };
  const onKey = (event: KeyboardEvent) => {
    if (event.key === "Enter" && (event.metaKey || event.ctrlKey)) start();
  };

  return (
    <form
      aria-label="New task"
      onSubmit={(event: FormEvent) => {
        event.preventDefault();
        start();
      }}
      className="flex flex-col gap-3"
    >
      {create.error && <Failure error={create.error} title="The task was not started" kept="Your request is kept below." />}
      <div className="rounded-md border border-line-strong bg-sheet focus-within:border-ink">
        <textarea
          aria-label="What should be done?"
          placeholder="What should be done, or found out? For example: What notice period does the supply agreement set?"
          value={request}
          onChange={(event) => setRequest(event.target.value)}
          onKeyDown={onKey}
          rows={3}
          maxLength={8000}
          className="block field-sizing-content max-h-72 min-h-22 w-full resize-none rounded-t-md bg-transparent px-4 pt-3 pb-2 text-[16px] leading-6 placeholder:text-muted focus-visible:outline-none"
        />
        <div className="flex items-center justify-between gap-3 px-3 pb-3">
          <CollectionChoice collections={collections.data ?? []} chosen={chosen} onChange={setChosen} />
          <div className="flex items-center gap-3">
            <span className="hidden text-[13px] text-muted lg:inline">Ctrl + Enter</span>
            <Button type="submit" look="primary" size="small" disabled={!isReady}>
              <ArrowUp aria-hidden /> {create.isPending ? "Starting…" : "Start task"}
            </Button>
          </div>
        </div>
      </div>
    </form>
  );
}
