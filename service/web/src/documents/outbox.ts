// What the reader wants to upload. It outlives the view, so that one may look at another meanwhile.

import { signal } from "@preact/signals";
import { asProblem, type Problem } from "../api/problem.ts";
import { chosenCollection } from "../collection/chosen.ts";
import type { Job } from "./bodies.ts";
import { newKey, send } from "./upload.ts";

export const files = signal<readonly File[]>([]);
/** The groups that may see them, as the reader wrote them. */
export const acl = signal("");
/** Which share was sent, 0 to 1; null while nothing is. */
export const share = signal<number | null>(null);
export const outboxProblem = signal<Problem | null>(null);

let key = newKey();
let sending = new AbortController();

/** Take files along; one of the same name takes the other's place. */
export function takeFiles(more: Iterable<File>): void {
  const byName = new Map([...files.value, ...more].map((file) => [file.name, file]));
  change([...byName.values()]);
}

export function leaveOut(name: string): void {
  change(files.value.filter((file) => file.name !== name));
}

export function nameGroups(groups: string): void {
  acl.value = groups;
  key = newKey();
}

export function stopSending(): void {
  sending.abort();
}

/** Send all that was chosen; the job that ingests it, or null where it did not get through. */
export async function sendAll(): Promise<Job | null> {
  const upload = { collection: chosenCollection.value, files: files.value, acl: acl.value, key };
  sending = new AbortController();
  share.value = 0;
  outboxProblem.value = null;
  try {
    const job = await send(upload, (sent) => (share.value = sent), sending.signal);
    change(files.value.filter((file) => !upload.files.includes(file))); // more may have come meanwhile
    return job;
  } catch (error) {
    const problem = asProblem(error);
    outboxProblem.value = problem.code === "aborted" ? null : problem;
    return null;
  } finally {
    share.value = null;
  }
}

function change(chosen: readonly File[]): void {
  files.value = chosen;
  outboxProblem.value = null;
  key = newKey(); // what is sent under a key must stay the same
}
