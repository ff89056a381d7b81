import { HoverCard as Radix } from "radix-ui";
import type { ReactNode } from "react";

/** Shows more about a link or button on hover and on keyboard focus. */
export function HoverCard({ children, card }: { children: ReactNode; card: ReactNode }) {
  return (
    <Radix.Root openDelay={120} closeDelay={80}>
      <Radix.Trigger asChild>{children}</Radix.Trigger>
      <Radix.Portal>
        <Radix.Content
          side="top"
          sideOffset={6}
          collisionPadding={12}
          className="z-40 w-[min(420px,calc(100vw-24px))] animate-rise rounded-md border bg-sheet p-4 shadow-overlay"
        >
          {card}
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}
