// One question with its answer, from the asking to the end.

import { type AnswerEvent, streamAnswer } from "../api/answers.ts";
import type { Answer, Citation, Passage, QueryRequest } from "../api/bodies.ts";
import { asProblem, Problem } from "../api/problem.ts";

export interface Exchange {
  question: string;
  collection: string;
  state: "searching" | "reading" | "writing" | "done" | "stopped" | "failed";
  text: string;
  passages: readonly Passage[];
  citations: readonly Citation[];
  /** The whole answer, once it is there. */
  answer: Answer | null;
  problem: Problem | null;
}

export function newExchange(question: string, collection: string): Exchange {
  return {
    question,
    collection,
    state: "searching",
    text: "",
    passages: [],
    citations: [],
    answer: null,
    problem: null,
  };
}

/** The exchange that `answer` ended. */
export function finishedExchange(answer: Answer): Exchange {
  const { question, collection, text, passages, citations } = answer;
  return { question, collection, state: "done", text, passages, citations, answer, problem: null };
}

export function isUnderWay({ state }: Exchange): boolean {
  return state === "searching" || state === "reading" || state === "writing";
}

/** `exchange` after `event`. */
export function advance(exchange: Exchange, event: AnswerEvent): Exchange {
  switch (event.name) {
    case "retrieval":
      return { ...exchange, state: "reading", passages: event.data.passages };
    case "message.delta":
      return { ...exchange, state: "writing", text: exchange.text + event.data.text };
    case "citation":
      return { ...exchange, citations: [...exchange.citations, event.data] };
    case "done":
      return finishedExchange(event.data);
    case "error":
      return failed(exchange, new Problem(event.data.code, event.data.detail, event.data.status));
    default:
      return exchange; // an event of a later server
  }
}

/**
 * Ask, and `show` the exchange after everything that changes it.
 *
 * Aborting `signal` stops it; what was written by then stays. Never throws: what goes wrong is shown, too.
 */
export async function runExchange(
  asked: QueryRequest,
  signal: AbortSignal,
  show: (exchange: Exchange) => void,
): Promise<Exchange> {
  let exchange = newExchange(asked.question, asked.collection ?? "");
  show(exchange);
  try {
    for await (const event of streamAnswer(asked, signal)) {
      exchange = advance(exchange, event);
      show(exchange);
    }
    if (isUnderWay(exchange))
      exchange = failed(exchange, new Problem("interrupted", "the stream ended early"));
  } catch (error) {
    exchange = signal.aborted ? { ...exchange, state: "stopped" } : failed(exchange, cutOff(exchange, error));
  }
  show(exchange);
  return exchange;
}

function failed(exchange: Exchange, problem: Problem): Exchange {
  return { ...exchange, state: "failed", problem };
}

/** A connection that broke after it was made is told as such. */
function cutOff(exchange: Exchange, error: unknown): Problem {
  const problem = asProblem(error);
  const begun = exchange.state !== "searching";
  return begun && problem.code === "network" ? new Problem("interrupted", problem.message) : problem;
}
