import { Link } from "@tanstack/react-router";
import { NAVIGATION } from "@/components/layout/navigation";
import { useMay } from "@/features/session/api";

const ENTRY =
  "relative flex h-9 items-center gap-2.5 rounded-md px-2.5 hover:bg-well hover:text-ink [&_svg]:size-4 [&_svg]:shrink-0";
const HERE =
  "bg-well font-medium text-ink before:absolute before:inset-y-2 before:-left-3 before:w-[3px] before:rounded-r-full before:bg-seal";

/** The pages this person may open, in groups. */
export function Rail({ onNavigate }: { onNavigate?: () => void }) {
  const may = useMay();
  const groups = NAVIGATION.map(({ group, entries }) => ({ group, entries: entries.filter((entry) => may(entry.needs)) }));
  return (
    <nav aria-label="Pages" className="flex flex-1 flex-col gap-5 overflow-y-auto px-3 py-2">
      {groups
        .filter(({ entries }) => entries.length > 0)
        .map(({ group, entries }) => (
          <section key={group} aria-label={group}>
            <p className="px-2.5 pb-1 text-[12px] text-muted">{group}</p>
            {entries.map((entry) => (
              <Link
                key={entry.to}
                to={entry.to}
                onClick={onNavigate}
                className={ENTRY}
                inactiveProps={{ className: "text-muted" }}
                activeProps={{ className: HERE, "aria-current": "page" }}
                activeOptions={{ includeSearch: false }}
              >
                <entry.icon aria-hidden />
                {entry.label}
              </Link>
            ))}
          </section>
        ))}
    </nav>
  );
}
