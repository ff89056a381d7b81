import { useQuery } from "@tanstack/react-query";
import { GrantPanel } from "@/features/access/grant-panel";
import { grantsQuery, useAddGrant, useRemoveGrant, type Guarded } from "@/features/documents/grants";

/** The grants on a document or collection; each change holds from the next search on. */
export function GrantEditor({ on, empty }: { on: Guarded; empty: string }) {
  const grants = useQuery(grantsQuery(on));
  const add = useAddGrant(on);
  const remove = useRemoveGrant(on);
  return (
    <GrantPanel
      rules={grants.data?.data}
      error={grants.error ?? add.error ?? remove.error}
      busy={add.isPending || remove.isPending}
      action="Add"
      empty={empty}
      onAdd={add.mutate}
      onRemove={remove.mutate}
    />
  );
}
