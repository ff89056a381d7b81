import { ChevronDown, Library } from "lucide-react";
import type { Collection } from "@/api/types";
import { Button } from "@/components/ui/button";
import { Menu, MenuCheckboxItem, MenuLabel, MenuPanel, MenuSeparator, MenuTrigger } from "@/components/ui/menu";

type CollectionChoiceProps = { collections: Collection[]; chosen: string[]; onChange: (ids: string[]) => void };

/** Which collections may be read; none chosen means all that the person may read. */
export function CollectionChoice({ collections, chosen, onChange }: CollectionChoiceProps) {
  const names = collections.filter(({ id }) => chosen.includes(id)).map(({ name }) => name);
  const toggle = (id: string) => onChange(chosen.includes(id) ? chosen.filter((other) => other !== id) : [...chosen, id]);
  return (
    <Menu>
      <MenuTrigger asChild>
        <Button size="small" className="max-w-full min-w-0 shrink" data-testid="collection-choice">
          <Library aria-hidden />
          <span className="truncate">{names.length === 0 ? "All collections" : names.join(", ")}</span>
          <ChevronDown aria-hidden className="text-muted" />
        </Button>
      </MenuTrigger>
      <MenuPanel align="start" className="max-h-80 max-w-80 overflow-y-auto">
        <MenuLabel>Search in</MenuLabel>
        <MenuCheckboxItem checked={chosen.length === 0} onCheckedChange={() => onChange([])}>
          All collections
        </MenuCheckboxItem>
        {collections.length > 0 && <MenuSeparator />}
        {collections.map(({ id, name }) => (
          <MenuCheckboxItem key={id} checked={chosen.includes(id)} onCheckedChange={() => toggle(id)}>
            {name}
          </MenuCheckboxItem>
        ))}
      </MenuPanel>
    </Menu>
  );
}
