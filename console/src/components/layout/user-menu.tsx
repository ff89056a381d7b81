import { useNavigate } from "@tanstack/react-router";
import { ChevronsUpDown, LogOut, Monitor, Moon, Sun } from "lucide-react";
import { setTheme, useTheme, type Theme } from "@/components/layout/theme";
import { Menu, MenuItem, MenuLabel, MenuPanel, MenuRadioGroup, MenuRadioItem, MenuSeparator, MenuTrigger } from "@/components/ui/menu";
import { useSession, useSignOut } from "@/features/session/api";

const THEMES = [
  { value: "system", label: "As the system", icon: Monitor },
  { value: "light", label: "Light", icon: Sun },
  { value: "dark", label: "Dark", icon: Moon },
] as const;

export function UserMenu() {
  const { user, roles } = useSession();
  const theme = useTheme();
  const signOut = useSignOut();
  const navigate = useNavigate();
  const leave = () => signOut.mutate(undefined, { onSuccess: () => void navigate({ to: "/sign-in", search: {} }) });
  return (
    <Menu>
      <MenuTrigger asChild>
        <button
          type="button"
          data-testid="user-menu"
          className="flex w-full items-center gap-2.5 rounded-md px-2.5 py-2 text-left hover:bg-well"
        >
          <span aria-hidden className="grid size-7 shrink-0 place-items-center rounded-full border border-line-strong bg-sheet text-[12px] font-medium">
            {initials(user.name || user.email)}
          </span>
          <span className="min-w-0 flex-1">
            <span className="block truncate font-medium">{user.name || user.email}</span>
            <span className="block truncate text-[12px] text-muted">{roles.join(", ")}</span>
          </span>
          <ChevronsUpDown className="size-4 shrink-0 text-muted" aria-hidden />
        </button>
      </MenuTrigger>
      <MenuPanel side="top" align="start" className="w-56">
        <MenuLabel>{user.email}</MenuLabel>
        <MenuSeparator />
        <MenuLabel>Theme</MenuLabel>
        <MenuRadioGroup value={theme} onValueChange={(next) => setTheme(next as Theme)}>
          {THEMES.map(({ value, label, icon: Icon }) => (
            <MenuRadioItem key={value} value={value}>
              <Icon aria-hidden /> {label}
            </MenuRadioItem>
          ))}
        </MenuRadioGroup>
        <MenuSeparator />
        <MenuItem onSelect={leave}>
          <LogOut aria-hidden /> Sign out
        </MenuItem>
      </MenuPanel>
    </Menu>
  );
}

function initials(name: string): string {
  const words = name.split(/[\s.@]+/).filter(Boolean);
  return ((words[0]?.[0] ?? "") + (words[1]?.[0] ?? "")).toUpperCase();
}
