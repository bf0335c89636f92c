// The reader's jobs: what is being added to the collection and deleted from it, and what became of it.

import { signal } from "@preact/signals";
import { getJson, request, withQuery } from "../api/client.ts";
import { asProblem, type Problem } from "../api/problem.ts";
import { chosenCollection, loadCollections } from "../collection/chosen.ts";
import { language } from "../language/language.ts";
import { announce } from "../widgets/announce.ts";
import type { Job, Jobs } from "./bodies.ts";
import { reload } from "./listing.ts";
import { loadSnapshots } from "./snapshots.ts";
import { strings } from "./strings.ts";
import { filesOf } from "./words.ts";

const SHOWN = 8;
const LOOK_SECONDS = 1;
const MOST_LOOK_SECONDS = 10;

/** Statuses that the same question meets again: nobody is let in, not this one, or there are no jobs. */
const FINAL_STATUSES: readonly (number | null)[] = [401, 403, 404];

/** The newest first; null until they are read, and where the reader may not see any. */
export const jobs = signal<readonly Job[] | null>(null);
export const jobsProblem = signal<Problem | null>(null);

/** Drops the look that is under way; null while no view shows jobs. */
let looking: AbortController | null = null;
let timer: number | undefined;

export function isOver(job: Job): boolean {
  return job.state !== "queued" && job.state !== "running";
}

/** Forget the jobs of another collection, and watch those of the chosen one. */
export async function resetJobs(): Promise<void> {
  jobs.value = null;
  await watchJobs();
}

/**
 * Read the jobs, and again each second while one is under way; the end of one is announced.
 *
 * After so many `failures` in a row the next look comes later; a look that another one follows is dropped.
 */
async function watchJobs(failures = 0): Promise<void> {
  stopWatching();
  looking = new AbortController();
  const { signal } = looking;
  try {
    const query = { collection: chosenCollection.value, limit: SHOWN };
    const found = (await getJson<Jobs>(withQuery("/v1/jobs", query), signal)).jobs;
    if (signal.aborted) return;
    await show(found);
    if (!signal.aborted && found.some((job) => !isOver(job))) schedule(LOOK_SECONDS, 0);
  } catch (error) {
    if (signal.aborted) return;
    const problem = asProblem(error);
    jobsProblem.value = problem;
    if (FINAL_STATUSES.includes(problem.status)) return;
    const growing = Math.min(LOOK_SECONDS * 2 ** failures, MOST_LOOK_SECONDS);
    schedule(Math.max(growing, problem.retrySeconds ?? 0), failures + 1);
  }
}

/** Show the jobs that were `found`; where some have ended, what they changed is read anew. */
async function show(found: readonly Job[]): Promise<void> {
  const underWay = new Set((jobs.value ?? []).filter((job) => !isOver(job)).map(({ id }) => id));
  const ended = found.filter((job) => isOver(job) && underWay.has(job.id));
  jobs.value = found;
  jobsProblem.value = null;
  if (ended.length) await Promise.all([reload(), loadCollections(), loadSnapshots()]);
  ended.forEach(tellEnd);
}

/** Leave the jobs: what is still on its way of them is dropped. */
export function stopWatching(): void {
  looking?.abort();
  looking = null;
  window.clearTimeout(timer);
}

/** A job that was just accepted; it is watched from now on, unless the jobs beside it are no longer shown. */
export async function follow(job: Job): Promise<void> {
  if (looking === null || job.collection !== chosenCollection.value) return;
  jobs.value = [job, ...(jobs.value ?? []).filter(({ id }) => id !== job.id)].slice(0, SHOWN);
  await watchJobs();
}

export async function cancelJob(job: Job): Promise<Job> {
  return (await request(`/v1/jobs/${job.id}`, { method: "DELETE" })).json();
}

/** Have an uploaded document deleted. */
export async function deleteDocument(id: string): Promise<Job> {
  const path = withQuery(`/v1/documents/${id}`, { collection: chosenCollection.value });
  return (await request(path, { method: "DELETE" })).json();
}

function schedule(seconds: number, failures: number): void {
  timer = window.setTimeout(() => void watchJobs(failures), seconds * 1000);
}

function tellEnd(job: Job): void {
  const say = strings[language.value];
  announce(say.ended(filesOf(job, language.value), say.state[job.state]));
}
