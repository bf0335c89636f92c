// The conversation of this tab: its exchanges, oldest first, and the answer that is being written.

import { computed, signal } from "@preact/signals";
import { keptAnswer } from "../api/answers.ts";
import { asProblem, type Problem } from "../api/problem.ts";
import { chosenCollection } from "../collection/chosen.ts";
import { type Exchange, finishedExchange, isUnderWay, runExchange } from "./exchange.ts";

// What a follow-up leaves out is mostly in the last few turns. By the first the server tells conversations
// apart: without it, a canary and what it may replace would take turns in one.
const MAX_TURNS_SENT = 20;

export const conversation = signal<readonly Exchange[]>([]);
export const keptProblem = signal<Problem | null>(null);

/** The question that is being written: it outlives the view, and what could not be asked comes back to it. */
export const draft = signal("");

/** Stops what was begun last. What was begun before that writes nothing any more. */
let latest = new AbortController();

export const isAnswering = computed(() => conversation.value.some(isUnderWay));

/** Ask `question`, with the turns before it for what it leaves to them. */
export async function ask(question: string): Promise<Exchange> {
  const before = conversation.value;
  const asked = { question, collection: chosenCollection.value || null, history: turnsOf(before) };
  const mine = begin();
  return runExchange(asked, mine.signal, (exchange) => {
    if (mine === latest) conversation.value = [...before, exchange];
  });
}

export function stopAnswering(): void {
  latest.abort();
}

/** Forget the conversation; the answers stay kept on the server. */
export function startAnew(): void {
  begin();
  conversation.value = [];
}

/** Show an answer that was given earlier, in place of the conversation. */
export async function showKept(id: string): Promise<void> {
  const mine = begin();
  conversation.value = [];
  try {
    const kept = finishedExchange(await keptAnswer(id));
    if (mine === latest) conversation.value = [kept];
  } catch (error) {
    if (mine === latest) keptProblem.value = asProblem(error);
  }
}

/** Stop what is under way, for what takes its place. */
function begin(): AbortController {
  latest.abort();
  latest = new AbortController();
  keptProblem.value = null;
  return latest;
}

/** The texts of the turns that were answered, oldest first: of too many, the first and the last. */
export function turnsOf(exchanges: readonly Exchange[]): string[] {
  const answered = exchanges.filter(({ state }) => state === "done");
  const [first, ...others] = answered.flatMap(({ question, text }) => [question, text]);
  return first === undefined ? [] : [first, ...others.slice(1 - MAX_TURNS_SENT)];
}
