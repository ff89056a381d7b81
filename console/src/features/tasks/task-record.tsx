import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Seal } from "@/components/seal";
import { taskRecordsQuery } from "@/features/audit/api";
import { plural } from "@/lib/format";

/** How many records the task left, and whether all of them are sealed; leads to them. */
export function TaskRecord({ taskId, isOver }: { taskId: string; isOver: boolean }) {
  const { data } = useQuery(taskRecordsQuery(taskId, isOver));
  if (!data || data.data.length === 0) return null;
  const sealed = data.data.filter((record) => record.integrity.sealed).length;
  const all = sealed === data.data.length && sealed > 0;
  const count = data.has_more ? `More than ${plural(data.data.length, "record")}` : plural(data.data.length, "record");
  return (
    <Link
      to="/audit"
      search={{ task_id: taskId }}
      data-testid="task-record"
      className="inline-flex items-center gap-2 underline-offset-4 hover:underline"
    >
      <Seal size={18} state={all ? "intact" : "pending"} />
      {count}, {all ? "all sealed" : `${sealed} sealed so far`}
    </Link>
  );
}
