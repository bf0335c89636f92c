// What the reader says of an answer, sent as it is said: the server keeps all, and the latest counts.

import { useState } from "preact/hooks";
import type { Answer, Feedback, FeedbackRequest, StoredAnswer, Verdict } from "../api/bodies.ts";
import { postJson } from "../api/client.ts";
import { asProblem, type Problem } from "../api/problem.ts";

type Said = Omit<FeedbackRequest, "answer_id">;

/** Whether what was said is kept by now; null before anything was. */
export type Outcome = "kept" | Problem | null;

/** A function that sends a judgement of `answer`, true once it is kept; and how the last one went. */
export function useJudge(answer: Answer): [(said: Said) => Promise<boolean>, Outcome] {
  const [outcome, setOutcome] = useState<Outcome>(null);
  const judge = async (said: Said) => {
    try {
      await postJson<Feedback>("/v1/feedback", { answer_id: answer.id, ...said });
      setOutcome("kept");
      return true;
    } catch (error) {
      setOutcome(asProblem(error));
      return false;
    }
  };
  return [judge, outcome];
}

/** The last verdict on an answer that was shown again. */
export function earlierVerdict(answer: Answer): Verdict | null {
  return judgementsOf(answer).findLast(({ verdict }) => verdict !== null)?.verdict ?? null;
}

/** The last verdict on one of its citations. */
export function earlierCitationVerdict(answer: Answer, marker: number): Verdict | null {
  const said = judgementsOf(answer).flatMap(({ citations }) => citations);
  return said.findLast((one) => one.marker === marker)?.verdict ?? null;
}

function judgementsOf(answer: Answer | StoredAnswer): readonly Feedback[] {
  return "feedback" in answer ? answer.feedback : [];
}
