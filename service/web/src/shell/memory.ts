// What the browser keeps of the reader's choices. A browser that keeps nothing (private windows, blocked
// storage) costs the memory, never the page.

export function recall(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

export function remember(key: string, value: string): void {
  try {
    localStorage.setItem(key, value);
  } catch {
    // The choice holds until the tab is closed.
  }
}
