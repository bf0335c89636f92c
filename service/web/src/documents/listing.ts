// The documents of the chosen collection, read page by page as far as the reader wants to see.

import { signal } from "@preact/signals";
import { getJson, withQuery } from "../api/client.ts";
import { asProblem, type Problem } from "../api/problem.ts";
import { chosenCollection } from "../collection/chosen.ts";
import type { Documents, ListedDocument } from "./bodies.ts";

const AT_ONCE = 100;

export interface Listing {
  documents: readonly ListedDocument[];
  /** The address after which more follow; null at the end. */
  next: string | null;
}

/** Null until it is read. */
export const listing = signal<Listing | null>(null);
export const listingProblem = signal<Problem | null>(null);

let reading = new AbortController();

/** Read the list anew, at least as far as it was read before. */
export async function reload(): Promise<void> {
  const wanted = listing.value?.documents.length ?? 0;
  await read({ documents: [], next: "" }, Math.max(wanted, 1));
}

/** Forget the list of another collection, and read that of the chosen one. */
export async function reset(): Promise<void> {
  listing.value = null;
  listingProblem.value = null;
  await reload();
}

export async function readMore(): Promise<void> {
  const before = listing.value;
  if (before !== null) await read(before, before.documents.length + 1);
}

/** Continue `from` until there are so many; a later call takes the place of one under way. */
async function read(from: Listing, wanted: number): Promise<void> {
  reading.abort();
  reading = new AbortController();
  const { signal } = reading;
  try {
    let { documents, next } = from;
    while (next !== null && documents.length < wanted) {
      const query = { collection: chosenCollection.value, after: next, limit: AT_ONCE };
      const page = await getJson<Documents>(withQuery("/v1/documents", query), signal);
      documents = [...documents, ...page.documents];
      next = page.next;
    }
    listing.value = { documents, next };
    listingProblem.value = null;
  } catch (error) {
    if (signal.aborted) return;
    const problem = asProblem(error);
    if (problem.code === "collection_not_found") listing.value = { documents: [], next: null };
    else listingProblem.value = problem;
  }
}
