import { X } from "lucide-react";
import { Dialog } from "radix-ui";
import type { ReactNode } from "react";
import { Button } from "@/components/ui/button";
import { useOpener } from "@/lib/use-opener";

type SheetProps = { open: boolean; onClose: () => void; title: string; children: ReactNode };

/** A panel from the left, over the page: what stands beside it on wider screens. */
export function Sheet({ open, onClose, title, children }: SheetProps) {
  const opener = useOpener();
  return (
    <Dialog.Root open={open} onOpenChange={(next) => !next && onClose()}>
      <Dialog.Portal>
        <Dialog.Overlay className="fixed inset-0 z-40 bg-scrim" />
        <Dialog.Content
          aria-describedby={undefined}
          onOpenAutoFocus={opener.remember}
          onCloseAutoFocus={opener.giveBack}
          className="fixed inset-y-0 left-0 z-50 flex w-[min(320px,calc(100vw-48px))] animate-slide-left flex-col border-r bg-paper shadow-overlay focus:outline-none"
        >
          <header className="flex items-center justify-between border-b py-2 pr-2 pl-5">
            <Dialog.Title className="font-semibold">{title}</Dialog.Title>
            <Dialog.Close asChild>
              <Button look="quiet" size="icon" aria-label="Close">
                <X />
              </Button>
            </Dialog.Close>
          </header>
          {children}
        </Dialog.Content>
      </Dialog.Portal>
    </Dialog.Root>
  );
}
