// The language of the page: chosen by the reader and remembered, else the browser's own.

import { effect, signal } from "@preact/signals";
import { recall, remember } from "../shell/memory.ts";

export type Language = "en" | "zh";

/** The words of one part of the page; `zh` is typed after `en`, so that none is missing. */
export type Strings<Words> = Record<Language, Words>;

const KEY = "troika.language";

function preferred(): Language {
  const stored = recall(KEY);
  if (stored === "en" || stored === "zh") return stored;
  return navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en";
}

export const language = signal<Language>(preferred());

effect(() => {
  document.documentElement.lang = language.value === "zh" ? "zh-CN" : "en";
});

export function chooseLanguage(chosen: Language): void {
  language.value = chosen;
  remember(KEY, chosen);
}

/** The words of `strings` in the page's language. A component that uses them is drawn anew when it changes. */
export function useStrings<Words>(strings: Strings<Words>): Words {
  return strings[language.value];
}
