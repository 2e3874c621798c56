import { useSyncExternalStore } from "react";

/** Light, dark, or as the system has it. The choice is remembered; `public/theme.js` reads it before the first paint. */
export const THEMES = ["system", "light", "dark"] as const;
export type Theme = (typeof THEMES)[number];

const KEY = "latchkey.theme";
const media = window.matchMedia("(prefers-color-scheme: dark)");
const watchers = new Set<() => void>();

function chosen(): Theme {
  const kept = localStorage.getItem(KEY);
  return kept === "light" || kept === "dark" ? kept : "system";
}
const effective = (): "light" | "dark" => {
  const theme = chosen();
  return theme === "system" ? (media.matches ? "dark" : "light") : theme;
};

export function applyTheme(): void {
  document.documentElement.dataset.theme = effective();
  for (const watch of watchers) watch();
}
export function chooseTheme(theme: Theme): void {
  if (theme === "system") localStorage.removeItem(KEY);
  else localStorage.setItem(KEY, theme);
  applyTheme();
}
media.addEventListener("change", applyTheme);

const subscribe = (watch: () => void) => {
  watchers.add(watch);
  return () => watchers.delete(watch);
};
export const useTheme = (): Theme => useSyncExternalStore(subscribe, chosen);
export const useEffectiveTheme = (): "light" | "dark" => useSyncExternalStore(subscribe, effective);
