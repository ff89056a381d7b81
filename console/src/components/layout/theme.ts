import { useSyncExternalStore } from "react";

export type Theme = "system" | "light" | "dark";

const KEY = "secretariat.theme";
const listeners = new Set<() => void>();
const systemIsDark = window.matchMedia("(prefers-color-scheme: dark)");

function read(): Theme {
  const stored = localStorage.getItem(KEY);
  return stored === "light" || stored === "dark" ? stored : "system";
}

function apply(): void {
  const theme = read();
  const dark = theme === "dark" || (theme === "system" && systemIsDark.matches);
  document.documentElement.dataset["theme"] = dark ? "dark" : "light";
  for (const notify of listeners) notify();
}

export function setTheme(theme: Theme): void {
  if (theme === "system") localStorage.removeItem(KEY);
  else localStorage.setItem(KEY, theme);
  apply();
}

function subscribe(notify: () => void): () => void {
  listeners.add(notify);
  systemIsDark.addEventListener("change", apply);
  return () => {
    listeners.delete(notify);
    if (listeners.size === 0) systemIsDark.removeEventListener("change", apply);
  };
}

export const useTheme = (): Theme => useSyncExternalStore(subscribe, read);
