import { Tabs as Radix } from "radix-ui";
import type { ReactNode } from "react";

type Tab = { value: string; label: string; content: ReactNode };
type TabsProps = { value: string; onChange: (value: string) => void; tabs: Tab[]; label: string };

export function Tabs({ value, onChange, tabs, label }: TabsProps) {
  return (
    <Radix.Root value={value} onValueChange={onChange}>
      <Radix.List aria-label={label} className="flex gap-5 overflow-x-auto border-b">
        {tabs.map((tab) => (
          <Radix.Trigger
            key={tab.value}
            value={tab.value}
            className="-mb-px h-9 border-b-2 border-transparent font-medium whitespace-nowrap text-muted hover:text-ink data-[state=active]:border-seal data-[state=active]:text-ink"
          >
            {tab.label}
          </Radix.Trigger>
        ))}
      </Radix.List>
      {tabs.map((tab) => (
        <Radix.Content key={tab.value} value={tab.value} className="pt-4 focus:outline-none">
          {tab.content}
        </Radix.Content>
      ))}
    </Radix.Root>
  );
}
