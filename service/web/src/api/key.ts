// The API key of this tab: asked for when the server wants one, forgotten when the tab is closed.

import { signal } from "@preact/signals";

const STORAGE = "troika.key";

/** Whether the reader is being asked for a key, and whether the last one was refused. */
export const keyWanted = signal<{ refused: boolean } | null>(null);

/** The key itself. Storage may be blocked: then it holds until the page is loaded again. */
let current = stored();

let waiting: PromiseWithResolvers<boolean> | null = null;

export function currentKey(): string | null {
  return current;
}

/** Ask the reader for a key; false when they have none. Requests that ask at once share the answer. */
export function askForKey(refused: string | null): Promise<boolean> {
  if (refused !== currentKey()) return Promise.resolve(true); // another request was given one meanwhile
  if (waiting === null) {
    waiting = Promise.withResolvers<boolean>();
    keyWanted.value = { refused: refused !== null };
  }
  return waiting.promise;
}

/** The reader's answer; null when they closed the dialog. */
export function giveKey(key: string | null): void {
  if (key !== null) keep(key);
  keyWanted.value = null;
  waiting?.resolve(key !== null);
  waiting = null;
}

function keep(key: string): void {
  current = key;
  try {
    sessionStorage.setItem(STORAGE, key);
  } catch {
    // It is asked for again after the page was loaded again.
  }
}

function stored(): string | null {
  try {
    return sessionStorage.getItem(STORAGE);
  } catch {
    return null;
  }
}
