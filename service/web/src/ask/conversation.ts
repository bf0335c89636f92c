// The conversation of this tab: its exchanges, oldest first, and the answer that is being written.

import { computed, signal } from "@preact/signals";
import { keptAnswer } from "../api/answers.ts";
import { asProblem, type Problem } from "../api/problem.ts";
import { chosenCollection } from "../collection/chosen.ts";
import { type Exchange, finishedExchange, isUnderWay, runExchange } from "./exchange.ts";

// What a follow-up leaves out is mostly in the last few turns.
const MAX_TURNS_SENT = 20;

export const conversation = signal<readonly Exchange[]>([]);
export const keptProblem = signal<Problem | null>(null);

let stopping: AbortController | null = null;

export const isAnswering = computed(() => conversation.value.some(isUnderWay));

/** Ask `question`, with the turns before it for what it leaves to them. */
export async function ask(question: string): Promise<Exchange> {
  const before = conversation.value;
  stopping = new AbortController();
  const asked = { question, collection: chosenCollection.value || null, history: turnsOf(before) };
  const { signal: aborted } = stopping;
  return runExchange(asked, aborted, (exchange) => {
    conversation.value = [...before, exchange];
  });
}

export function stopAnswering(): void {
  stopping?.abort();
}

/** Forget the conversation; the answers stay kept on the server. */
export function startAnew(): void {
  stopAnswering();
  conversation.value = [];
  keptProblem.value = null;
}

/** Show an answer that was given earlier, in place of the conversation. */
export async function showKept(id: string): Promise<void> {
  startAnew();
  try {
    conversation.value = [finishedExchange(await keptAnswer(id))];
  } catch (error) {
    keptProblem.value = asProblem(error);
  }
}

/** The texts of the turns that were answered, oldest first. */
export function turnsOf(exchanges: readonly Exchange[]): string[] {
  const answered = exchanges.filter(({ state }) => state === "done");
  return answered.flatMap(({ question, text }) => [question, text]).slice(-MAX_TURNS_SENT);
}
