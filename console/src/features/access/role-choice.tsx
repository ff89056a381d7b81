import { useQuery } from "@tanstack/react-query";
import { Failure } from "@/components/states";
import { Checkbox } from "@/components/ui/checkbox";
import { Skeleton } from "@/components/ui/skeleton";
import { rolesQuery } from "@/features/access/api";
import { humanise, plural } from "@/lib/format";

type RoleChoiceProps = { chosen: string[]; onChange: (roles: string[]) => void };

export function RoleChoice({ chosen, onChange }: RoleChoiceProps) {
  const { data, error } = useQuery(rolesQuery);
  if (error) return <Failure error={error} title="The roles can't be listed" />;
  const toggle = (name: string, on: boolean) => onChange(on ? [...chosen, name] : chosen.filter((other) => other !== name));
  return (
    <fieldset className="flex flex-col gap-2.5">
      <legend className="mb-2 text-[13px] font-medium">Roles</legend>
      {!data && <Skeleton className="h-16" />}
      {data?.data.map(({ id, name, permissions }) => (
        <Checkbox
          key={id}
          checked={chosen.includes(name)}
          onChange={(on) => toggle(name, on)}
          label={humanise(name)}
          note={plural(permissions.length, "permission")}
        />
      ))}
    </fieldset>
  );
}
