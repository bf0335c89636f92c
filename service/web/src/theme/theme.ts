// Light or dark: the system's own until the reader chooses.

import { effect, signal } from "@preact/signals";
import { recall, remember } from "../shell/memory.ts";

export type Theme = "light" | "dark";

const KEY = "troika.theme";
const system = matchMedia("(prefers-color-scheme: dark)");

const stored = recall(KEY);
const chosen = signal<Theme | null>(stored === "light" || stored === "dark" ? stored : null);
const ofSystem = signal<Theme>(system.matches ? "dark" : "light");

system.addEventListener("change", () => {
  ofSystem.value = system.matches ? "dark" : "light";
});

effect(() => {
  document.documentElement.dataset.theme = chosen.value ?? ofSystem.value;
});

/** The theme that is shown. */
export function useTheme(): Theme {
  return chosen.value ?? ofSystem.value;
}

export function chooseTheme(theme: Theme): void {
  chosen.value = theme;
  remember(KEY, theme);
}
