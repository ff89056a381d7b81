import { cn } from "@/lib/classes";

/** Text exactly as it was, in mono. */
export function MonoBlock({ text, className }: { text: string; className?: string }) {
  return (
    <pre
      // Long blocks scroll, so the keyboard must be able to reach them.
      // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex
      tabIndex={0}
      className={cn(
        "max-h-96 overflow-auto rounded-md border bg-sheet p-3 font-mono text-[12.5px] leading-[19px] break-words whitespace-pre-wrap",
        className,
      )}
    >
      {text}
    </pre>
  );
}

export function JsonBlock({ value, className }: { value: unknown; className?: string }) {
  return <MonoBlock text={JSON.stringify(value, null, 2)} {...(className ? { className } : {})} />;
}

type Arguments = Record<string, unknown>;

/** Tool arguments on one or a few lines: `name value`. */
export function ArgumentList({ values }: { values: Arguments }) {
  const entries = Object.entries(values);
  if (entries.length === 0) return null;
  return (
    <ul className="flex flex-col gap-1 font-mono text-[12.5px] leading-[18px]">
      {entries.map(([name, value]) => (
        <li key={name} className="line-clamp-4 break-words">
          <span className="text-muted">{name}</span> {typeof value === "string" ? value : JSON.stringify(value)}
        </li>
      ))}
    </ul>
  );
}
