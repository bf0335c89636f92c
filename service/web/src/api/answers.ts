// Answers: as they are written, and as they were kept.

import type { Answer, Citation, Passage, QueryRequest, StoredAnswer } from "./bodies.ts";
import { getJson, post } from "./client.ts";
import { eventsOf } from "./events.ts";

/** What is told of an answer while it is made; `done` and `error` are the last. */
export type AnswerEvent =
  | { name: "retrieval"; data: { answer_id: string; passages: Passage[] } }
  | { name: "message.delta"; data: { text: string } }
  | { name: "citation"; data: Citation }
  | { name: "done"; data: Answer }
  | { name: "error"; data: { code: string; detail: string; status: number } };

/** The events of the answer to `question`, as they come. Aborting `signal` stops the answer on the server, too. */
export async function* streamAnswer(
  question: QueryRequest,
  signal: AbortSignal,
): AsyncGenerator<AnswerEvent> {
  const response = await post("/v1/query", { ...question, stream: true }, signal);
  for await (const { name, data } of eventsOf(response)) {
    yield { name, data: JSON.parse(data) } as AnswerEvent;
  }
}

/** An earlier answer, with what was said of it. */
export function keptAnswer(id: string): Promise<StoredAnswer> {
  return getJson<StoredAnswer>(`/v1/answers/${encodeURIComponent(id)}`);
}
