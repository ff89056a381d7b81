import { useEffect, type ReactNode } from "react";

type PageProps = { title: string; note?: ReactNode; action?: ReactNode; aside?: ReactNode; children: ReactNode };

/** One title, one primary action, content. Also names the browser tab. */
export function Page({ title, note, action, aside, children }: PageProps) {
  usePageTitle(title);
  return (
    <div className="mx-auto flex w-full max-w-[1200px] flex-col gap-6 px-4 py-6 sm:px-8 sm:py-8">
      <header className="flex flex-wrap items-start justify-between gap-x-6 gap-y-3">
        <div className="min-w-0">
          <h1 className="text-[22px] leading-7 font-semibold tracking-[-0.01em]">{title}</h1>
          {note && <p className="mt-1 max-w-[68ch] text-muted">{note}</p>}
        </div>
        {(aside || action) && (
          <div className="flex flex-wrap items-center gap-3">
            {aside}
            {action}
          </div>
        )}
      </header>
      {children}
    </div>
  );
}

export function usePageTitle(title: string): void {
  useEffect(() => {
    document.title = `${title} · Secretariat`;
  }, [title]);
}
