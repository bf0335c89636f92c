// The comparison that is shown, and the verdicts of this session.

import { computed, signal } from "@preact/signals";
import type { FeedbackRequest } from "../api/bodies.ts";
import { post } from "../api/client.ts";
import { type Exchange, isUnderWay, newExchange, runExchange } from "../ask/exchange.ts";
import { type Better, counted, type Score, type Variant } from "./verdicts.ts";

type Pair<Item> = readonly [Item, Item];

export interface Comparison {
  /** In the order in which they are shown: the left one first. */
  variants: Pair<Variant>;
  exchanges: Pair<Exchange>;
  /** Whether the variants' names are kept back until the reader has judged. */
  blind: boolean;
  /** The reader's verdict; undefined before it. */
  better?: Better;
}

export const comparison = signal<Comparison | null>(null);
export const scores = signal<readonly Score[]>([]);

export const isComparing = computed(() => comparison.value?.exchanges.some(isUnderWay) ?? false);

let stopping: AbortController | null = null;

/** Have both variants answer at once. In a blind comparison chance decides which one is shown on the left. */
export async function compare(question: string, chosen: Pair<Variant>, blind: boolean): Promise<void> {
  stopping = new AbortController();
  const { signal: aborted } = stopping;
  const variants: Pair<Variant> = blind && Math.random() < 0.5 ? [chosen[1], chosen[0]] : chosen;
  const exchanges: [Exchange, Exchange] = [
    newExchange(question, variants[0].collection),
    newExchange(question, variants[1].collection),
  ];
  const answer = (side: 0 | 1) =>
    // A kept answer takes no time, and says nothing of what it would take.
    runExchange({ question, ...variants[side], cache: false }, aborted, (exchange) => {
      exchanges[side] = exchange;
      comparison.value = { variants, exchanges: [...exchanges], blind };
    });
  await Promise.all([answer(0), answer(1)]);
}

export function stopComparing(): void {
  stopping?.abort();
}

/** Whether both answers are there, to be judged. */
export function isWhole({ exchanges }: Comparison): boolean {
  return exchanges.every(({ answer }) => answer !== null);
}

/** Keep the reader's verdict on the server, where it preferred one, and count it. */
export async function judge(judged: Comparison, better: Better): Promise<void> {
  const [left, right] = judged.exchanges.map(({ answer }) => answer);
  if (!left || !right) return;
  if (better !== null) {
    const [preferred, other] = better === 0 ? [left, right] : [right, left];
    const said: FeedbackRequest = { answer_id: preferred.id, preferred_over: other.id };
    await post("/v1/feedback", said);
  }
  scores.value = counted(scores.value, judged.variants, better);
  comparison.value = { ...judged, better };
}
