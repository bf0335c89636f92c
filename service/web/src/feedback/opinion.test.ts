import { expect, test } from "vitest";
import type { Answer, StoredAnswer } from "../api/bodies.ts";
import { changeOpinion, opinionOf, verdictOf } from "./opinion.ts";

const answer = (id: string) => ({ id }) as Answer;

test("what was said and written of an answer is remembered, each part by itself", () => {
  changeOpinion(answer("a"), { verdict: "down" });
  changeOpinion(answer("a"), { correction: "Sixteen." });
  expect(opinionOf(answer("a"))).toMatchObject({ verdict: "down", correction: "Sixteen." });
  expect(opinionOf(answer("b"))).toMatchObject({ verdict: null, correction: "" });
});

test("what was said here comes before what the server knew of a kept answer", () => {
  const kept = { id: "c", feedback: [{ verdict: "up", citations: [] }] } as unknown as StoredAnswer;
  expect(verdictOf(kept)).toBe("up");
  changeOpinion(kept, { verdict: "down" });
  expect(verdictOf(kept)).toBe("down");
});

test("of many answers those are remembered that something was said of last", () => {
  changeOpinion(answer("first"), { verdict: "up" });
  for (let number = 0; number < 200; number += 1) changeOpinion(answer(`${number}`), { verdict: "up" });
  expect(verdictOf(answer("first"))).toBeNull();
  expect(verdictOf(answer("199"))).toBe("up");
});
