import { Outlet } from "@tanstack/react-router";
import { Menu as MenuIcon, X } from "lucide-react";
import { Dialog } from "radix-ui";
import { useState } from "react";
import { Rail } from "@/components/layout/rail";
import { UserMenu } from "@/components/layout/user-menu";
import { Seal } from "@/components/seal";
import { Button } from "@/components/ui/button";
import { UploadsProvider } from "@/features/documents/use-uploads";
import { useSession } from "@/features/session/api";

/** The frame of every page: the rail beside the content, or above it and folded away on a phone. */
export function Shell() {
  return (
    <div className="md:grid md:grid-cols-[232px_minmax(0,1fr)]">
      <a href="#content" className="sr-only focus:not-sr-only focus:fixed focus:top-2 focus:left-2 focus:z-50 focus:bg-sheet focus:p-2">
        To the content
      </a>
      <aside className="sticky top-0 hidden h-dvh flex-col border-r md:flex">
        <Workspace />
        <Rail />
        <div className="border-t p-2">
          <UserMenu />
        </div>
      </aside>
      <PhoneBar />
      <main id="content" tabIndex={-1} className="min-w-0 focus:outline-none">
        <UploadsProvider>
          <Outlet />
        </UploadsProvider>
      </main>
    </div>
  );
}

function Workspace() {
  const { tenant } = useSession();
  return (
    <div className="flex h-16 min-w-0 items-center gap-2.5 px-5">
      <Seal size={26} />
      <div className="min-w-0">
        <p className="leading-5 font-semibold">Secretariat</p>
        <p className="truncate text-[12px] leading-4 text-muted">{tenant.name}</p>
      </div>
    </div>
  );
}

function PhoneBar() {
  const [open, setOpen] = useState(false);
  return (
    <header className="sticky top-0 z-30 flex items-center justify-between border-b bg-paper pr-2 md:hidden">
      <Workspace />
      <Dialog.Root open={open} onOpenChange={setOpen}>
        <Dialog.Trigger asChild>
          <Button look="quiet" size="icon" aria-label="Open the pages">
            <MenuIcon />
          </Button>
        </Dialog.Trigger>
        <Dialog.Portal>
          <Dialog.Overlay className="fixed inset-0 z-40 bg-scrim" />
          <Dialog.Content
            aria-describedby={undefined}
            className="fixed inset-y-0 left-0 z-50 flex w-[280px] animate-slide-left flex-col border-r bg-paper shadow-overlay"
          >
            <Dialog.Title className="sr-only">Pages</Dialog.Title>
            <div className="flex items-center justify-between pr-2">
              <Workspace />
              <Dialog.Close asChild>
                <Button look="quiet" size="icon" aria-label="Close the pages">
                  <X />
                </Button>
              </Dialog.Close>
            </div>
            <Rail onNavigate={() => setOpen(false)} />
            <div className="border-t p-2">
              <UserMenu />
            </div>
          </Dialog.Content>
        </Dialog.Portal>
      </Dialog.Root>
    </header>
  );
}
