import { useRef } from "react";

/** Gives the focus back to what opened an overlay. Radix does so for its own triggers only; ours open by state and address. */
export function useOpener() {
  const opener = useRef<HTMLElement | null>(null);
  return {
    /** When it opens, before it takes the focus. */
    remember: () => {
      opener.current = openerOf(document.activeElement);
    },
    giveBack: (event: Event) => {
      event.preventDefault();
      opener.current?.focus();
    },
  };
}

/** An entry of a menu goes with its menu; what stays is the button that the menu belongs to. */
function openerOf(element: Element | null): HTMLElement | null {
  const owner = element?.closest('[role="menu"]')?.getAttribute("aria-labelledby");
  const found = owner ? document.getElementById(owner) : element;
  return found instanceof HTMLElement ? found : null;
}
