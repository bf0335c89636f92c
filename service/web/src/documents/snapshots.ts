// The states that the chosen collection keeps: for those who may see all of it.

import { signal } from "@preact/signals";
import { getJson, postJson, withQuery } from "../api/client.ts";
import { asProblem } from "../api/problem.ts";
import { chosenCollection } from "../collection/chosen.ts";
import type { Snapshot, Snapshots } from "./bodies.ts";

/** The newest first; none where the reader may not see them. */
export const snapshots = signal<readonly Snapshot[]>([]);

let reading = new AbortController();

/** Read them; a later call takes the place of one under way. */
export async function loadSnapshots(): Promise<void> {
  reading.abort();
  reading = new AbortController();
  const { signal } = reading;
  try {
    const query = { collection: chosenCollection.value };
    const found = await getJson<Snapshots>(withQuery("/v1/snapshots", query), signal);
    if (!signal.aborted) snapshots.value = found.snapshots;
  } catch (error) {
    const { status } = asProblem(error);
    if (!signal.aborted && status !== null) snapshots.value = []; // not for this key, or nothing was published
  }
}

export async function goBackTo(snapshot: Snapshot): Promise<void> {
  const path = `/v1/collections/${encodeURIComponent(chosenCollection.value)}/rollback`;
  await postJson(path, { snapshot: snapshot.id });
}
