// What is said to a screen reader without moving the focus; the page holds one live region for it.

import { signal } from "@preact/signals";

export const announcement = signal("");

export function announce(words: string): void {
  announcement.value = words;
}
