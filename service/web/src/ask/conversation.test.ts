import { beforeEach, expect, test, vi } from "vitest";
import type { AnswerEvent } from "../api/answers.ts";
import type { QueryRequest, StoredAnswer } from "../api/bodies.ts";
import {
  ask,
  conversation,
  keptProblem,
  showKept,
  startAnew,
  stopAnswering,
  turnsOf,
} from "./conversation.ts";
import { newExchange } from "./exchange.ts";

const questions: QueryRequest[] = [];
const opened = new Map<string, (answer: StoredAnswer) => void>();

vi.mock("../api/answers.ts", () => ({
  /** Writes one word, and then nothing until it is stopped. */
  async *streamAnswer(question: QueryRequest, signal: AbortSignal): AsyncGenerator<AnswerEvent> {
    questions.push(question);
    yield { name: "message.delta", data: { text: "Because" } };
    await new Promise((_, reject) => signal.addEventListener("abort", reject));
  },
  keptAnswer: (id: string) => new Promise((resolve) => opened.set(id, resolve)),
}));

const texts = () => conversation.value.map(({ text }) => text);
const arrives = (id: string) => opened.get(id)?.({ text: id } as StoredAnswer);

beforeEach(startAnew);

test("an answer that is stopped stays with what was written", async () => {
  const asked = ask("Why?");
  await vi.waitFor(() => expect(texts()).toEqual(["Because"]));
  stopAnswering();
  expect((await asked).state).toBe("stopped");
  expect(conversation.value.map(({ state }) => state)).toEqual(["stopped"]);
});

test("a new conversation stays empty when the answer that was written ends", async () => {
  const asked = ask("Why?");
  await vi.waitFor(() => expect(texts()).toEqual(["Because"]));
  startAnew();
  await asked;
  expect(texts()).toEqual([]);
  void ask("And now?");
  expect(questions.at(-1)?.history).toEqual([]);
});

test("of two kept answers that are opened the later one is shown, whichever comes first", async () => {
  const [first, second] = [showKept("A"), showKept("B")];
  arrives("B");
  await second;
  arrives("A");
  await first;
  expect(texts()).toEqual(["B"]);
});

test("every question of a conversation is sent with its first turn, and at most 19 others", () => {
  const exchanges = Array.from({ length: 12 }, (_, index) => ({
    ...newExchange(`Q${index}`, ""),
    state: "done" as const,
    text: `A${index}`,
  }));
  expect(turnsOf([])).toEqual([]);
  expect(turnsOf(exchanges.slice(0, 1))).toEqual(["Q0", "A0"]);
  expect(turnsOf(exchanges.slice(0, 10))).toHaveLength(20);
  expect(turnsOf(exchanges.slice(0, 11)).slice(0, 3)).toEqual(["Q0", "A1", "Q2"]);
  expect(turnsOf(exchanges).slice(0, 3)).toEqual(["Q0", "A2", "Q3"]);
  expect(turnsOf(exchanges)).toHaveLength(20);
  expect(turnsOf(exchanges).at(-1)).toBe("A11");
});

test("a question takes the place of a kept answer that is still opened, and of why one was not", async () => {
  const opening = showKept("C");
  void ask("Why?");
  await vi.waitFor(() => expect(texts()).toEqual(["Because"]));
  arrives("C");
  await opening;
  expect(conversation.value.map(({ question }) => question)).toEqual(["Why?"]);
  expect(keptProblem.value).toBeNull();
});
