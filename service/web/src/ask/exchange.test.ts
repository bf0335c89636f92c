import { expect, test } from "vitest";
import { advance, isUnderWay, newExchange } from "./exchange.ts";

test("an exchange goes from searching over reading and writing to its end", () => {
  const searching = newExchange("Why?", "default");
  const reading = advance(searching, { name: "retrieval", data: { answer_id: "a", passages: [] } });
  const writing = advance(reading, { name: "message.delta", data: { text: "Be" } });
  const further = advance(writing, { name: "message.delta", data: { text: "cause." } });
  expect([searching, reading, writing].map(({ state }) => state)).toEqual([
    "searching",
    "reading",
    "writing",
  ]);
  expect(further.text).toBe("Because.");
  expect(isUnderWay(further)).toBe(true);
});

test("an error ends it with what was written by then", () => {
  const writing = advance(newExchange("Why?", ""), { name: "message.delta", data: { text: "Be" } });
  const data = { code: "generator_failed", detail: "start it.", status: 503 };
  const failed = advance(writing, { name: "error", data });
  expect([failed.state, failed.text, failed.problem?.code]).toEqual(["failed", "Be", "generator_failed"]);
});
