// Where the reader is: the path and query of the address, followed without loading the page again.

import { signal } from "@preact/signals";

const read = (): URL => new URL(window.location.href);

export const address = signal<URL>(read());

window.addEventListener("popstate", () => {
  address.value = read();
});

/** Go to `path` of this page, with its query. */
export function navigate(path: string): void {
  if (path === window.location.pathname + window.location.search) return;
  window.history.pushState(null, "", path);
  address.value = read();
}
