// What the reader says of an answer, sent as it is said: the server keeps all, and the latest counts.

import { useState } from "preact/hooks";
import type { Answer, Feedback, FeedbackRequest } from "../api/bodies.ts";
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
