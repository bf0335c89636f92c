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
const LOOK_MILLISECONDS = 1000;

/** The newest first; null until they are read, and where the reader may not see any. */
export const jobs = signal<readonly Job[] | null>(null);
export const jobsProblem = signal<Problem | null>(null);

let timer: number | undefined;

export function isOver(job: Job): boolean {
  return job.state !== "queued" && job.state !== "running";
}

/** Forget the jobs of another collection, and watch those of the chosen one. */
export async function resetJobs(): Promise<void> {
  jobs.value = null;
  await watchJobs();
}

/** Read the jobs, and again each second while one is under way; the end of one is announced. */
async function watchJobs(): Promise<void> {
  stopWatching();
  const before = jobs.value ?? [];
  try {
    const query = { collection: chosenCollection.value, limit: SHOWN };
    const found = (await getJson<Jobs>(withQuery("/v1/jobs", query))).jobs;
    jobs.value = found;
    jobsProblem.value = null;
    const underWay = new Set(before.filter((job) => !isOver(job)).map(({ id }) => id));
    const ended = found.filter((job) => isOver(job) && underWay.has(job.id));
    if (ended.length) await Promise.all([reload(), loadCollections(), loadSnapshots()]);
    ended.forEach(tellEnd);
    if (found.some((job) => !isOver(job))) schedule();
  } catch (error) {
    jobsProblem.value = asProblem(error);
    if (before.some((job) => !isOver(job)) && jobsProblem.value.code === "network") schedule();
  }
}

export function stopWatching(): void {
  window.clearTimeout(timer);
}

/** A job that was just accepted; it is watched from now on. */
export async function follow(job: Job): Promise<void> {
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

function schedule(): void {
  stopWatching();
  timer = window.setTimeout(() => void watchJobs(), LOOK_MILLISECONDS);
}

function tellEnd(job: Job): void {
  const say = strings[language.value];
  announce(say.ended(filesOf(job, language.value), say.state[job.state]));
}
