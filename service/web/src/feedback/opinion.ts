// What the reader said of the answers, and what they are writing of them: it outlives the view.

import { signal } from "@preact/signals";
import type { Answer, Feedback, StoredAnswer, Verdict } from "../api/bodies.ts";

export interface Opinion {
  /** The last verdict that was given here; null before one was. */
  verdict: Verdict | null;
  /** The last verdicts on its citations, by their markers. */
  citations: Readonly<Record<number, Verdict>>;
  isCorrecting: boolean;
  /** What is written and not yet sent. */
  correction: string;
  comment: string;
}

const NONE: Opinion = { verdict: null, citations: {}, isCorrecting: false, correction: "", comment: "" };
const MOST_ANSWERS = 200;

/** By the answers' ids, the one that was changed last at the end. */
const opinions = signal<ReadonlyMap<string, Opinion>>(new Map());

export function opinionOf({ id }: Answer): Opinion {
  return opinions.value.get(id) ?? NONE;
}

/** Remember another part of what is said of `answer`; of very many answers the oldest is forgotten. */
export function changeOpinion(answer: Answer, changed: Partial<Opinion>): void {
  const others = [...opinions.value].filter(([id]) => id !== answer.id);
  const opinion = { ...opinionOf(answer), ...changed };
  opinions.value = new Map([...others, [answer.id, opinion] as const].slice(-MOST_ANSWERS));
}

/** The verdict on `answer`: what was said here, else what the server knew when it was shown again. */
export function verdictOf(answer: Answer): Verdict | null {
  const earlier = judgementsOf(answer).findLast(({ verdict }) => verdict !== null);
  return opinionOf(answer).verdict ?? earlier?.verdict ?? null;
}

/** The verdict on one of its citations. */
export function citationVerdictOf(answer: Answer, marker: number): Verdict | null {
  const said = judgementsOf(answer).flatMap(({ citations }) => citations);
  const earlier = said.findLast((one) => one.marker === marker);
  return opinionOf(answer).citations[marker] ?? earlier?.verdict ?? null;
}

function judgementsOf(answer: Answer | StoredAnswer): readonly Feedback[] {
  return "feedback" in answer ? answer.feedback : [];
}
