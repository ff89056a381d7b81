import { X } from "lucide-react";
import { AlertDialog, Dialog as Radix } from "radix-ui";
import type { ReactNode } from "react";
import { Button } from "@/components/ui/button";
import { cn } from "@/lib/classes";
import { useOpener } from "@/lib/use-opener";

const SCRIM = "fixed inset-0 z-40 bg-scrim";
const PANEL = "fixed z-50 flex flex-col bg-paper shadow-overlay focus:outline-none";

type OverlayProps = {
  open: boolean;
  onClose: () => void;
  title: ReactNode;
  description?: ReactNode;
  children: ReactNode;
  footer?: ReactNode;
  testId?: string;
};

/** A panel from the right: the detail of a row. On a phone it fills the screen. */
export function Drawer({ open, onClose, title, description, children, footer, testId }: OverlayProps) {
  const opener = useOpener();
  return (
    <Radix.Root open={open} onOpenChange={(next) => !next && onClose()}>
      <Radix.Portal>
        <Radix.Overlay className={SCRIM} />
        <Radix.Content
          data-testid={testId}
          {...(description ? {} : { "aria-describedby": undefined })}
          onCloseAutoFocus={opener.giveBack}
          onOpenAutoFocus={(event) => {
            opener.remember();
            event.preventDefault();
            (event.currentTarget as HTMLElement | null)?.focus();
          }}
          className={cn(PANEL, "inset-y-0 right-0 w-full animate-slide-right border-l sm:max-w-[640px] lg:max-w-[720px]")}
        >
          <Head title={title} description={description} />
          <div className="min-h-0 flex-1 overflow-y-auto px-4 py-5 sm:px-6">{children}</div>
          {footer && <div className="flex flex-wrap justify-end gap-2 border-t px-4 py-3 sm:px-6">{footer}</div>}
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}

/** A small question or form in the middle. */
export function Dialog({ open, onClose, title, description, children, testId }: OverlayProps) {
  const opener = useOpener();
  return (
    <Radix.Root open={open} onOpenChange={(next) => !next && onClose()}>
      <Radix.Portal>
        <Radix.Overlay className={SCRIM} />
        <Radix.Content
          data-testid={testId}
          {...(description ? {} : { "aria-describedby": undefined })}
          onOpenAutoFocus={(event) => {
            opener.remember();
            beginWithField(event);
          }}
          onCloseAutoFocus={opener.giveBack}
          className={cn(
            PANEL,
            "top-1/2 left-1/2 max-h-[90dvh] w-[calc(100vw-32px)] max-w-[520px] -translate-x-1/2 -translate-y-1/2 rounded-md border",
          )}
        >
          <Head title={title} description={description} />
          <div className="min-h-0 overflow-y-auto px-4 py-5 sm:px-6">{children}</div>
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}

/** A form is there to be filled in: its first field comes before the button that closes it. */
function beginWithField(event: Event): void {
  const field = (event.currentTarget as HTMLElement | null)?.querySelector<HTMLInputElement>("input:not([type=file]), textarea");
  if (!field) return;
  event.preventDefault();
  field.focus();
  field.select();
}

function Head({ title, description }: { title: ReactNode; description: ReactNode }) {
  return (
    <header className="flex items-start gap-3 border-b py-3 pr-3 pl-4 sm:pl-6">
      <div className="min-w-0 flex-1 py-1.5">
        <Radix.Title className="text-[16px] leading-6 font-semibold break-words">{title}</Radix.Title>
        {description && <Radix.Description className="mt-0.5 text-muted">{description}</Radix.Description>}
      </div>
      <Radix.Close asChild>
        <Button look="quiet" size="icon" aria-label="Close">
          <X />
        </Button>
      </Radix.Close>
    </header>
  );
}

type ConfirmProps = {
  open: boolean;
  onClose: () => void;
  onConfirm: () => void;
  title: string;
  consequence: ReactNode;
  action: string;
  busy?: boolean;
  children?: ReactNode;
};

/** Asks before something is destroyed; the words name the thing and what follows. */
export function Confirm({ open, onClose, onConfirm, title, consequence, action, busy, children }: ConfirmProps) {
  const opener = useOpener();
  return (
    <AlertDialog.Root open={open} onOpenChange={(next) => !next && onClose()}>
      <AlertDialog.Portal>
        <AlertDialog.Overlay className={cn(SCRIM, "z-50")} />
        <AlertDialog.Content
          onOpenAutoFocus={opener.remember}
          onCloseAutoFocus={opener.giveBack}
          className={cn(
            PANEL,
            "top-1/2 left-1/2 z-[60] w-[calc(100vw-32px)] max-w-[460px] -translate-x-1/2 -translate-y-1/2 gap-3 rounded-md border p-5 sm:p-6",
          )}
        >
          <AlertDialog.Title className="text-[16px] leading-6 font-semibold break-words">{title}</AlertDialog.Title>
          <AlertDialog.Description className="text-muted">{consequence}</AlertDialog.Description>
          {children}
          <div className="mt-2 flex flex-wrap justify-end gap-2">
            <AlertDialog.Cancel asChild>
              <Button>Keep it</Button>
            </AlertDialog.Cancel>
            <Button look="danger" onClick={onConfirm} disabled={busy}>
              {action}
            </Button>
          </div>
        </AlertDialog.Content>
      </AlertDialog.Portal>
    </AlertDialog.Root>
  );
}
