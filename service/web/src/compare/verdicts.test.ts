import { describe, expect, it } from "vitest";
import { counted, type Score, wilson } from "./verdicts.ts";

describe("wilson", () => {
  it.each([
    [0, 0, 0, 1],
    [0, 10, 0, 0.2775],
    [5, 10, 0.2366, 0.7634],
    [10, 10, 0.7225, 1],
    [81, 263, 0.2553, 0.3662],
  ])("of %d in %d is as published", (successes, all, low, high) => {
    const interval = wilson(successes, all);
    expect(interval.low).toBeCloseTo(low, 4);
    expect(interval.high).toBeCloseTo(high, 4);
  });

  it("narrows as more is counted", () => {
    const width = (all: number) => wilson(all / 2, all).high - wilson(all / 2, all).low;
    expect(width(20)).toBeLessThan(width(10));
    expect(width(1000)).toBeLessThan(0.07);
  });
});

describe("counted", () => {
  const base = { release: "base", collection: "default" };
  const tuned = { release: "sft@12345678", collection: "default" };

  it("counts for a variant on whichever side it was", () => {
    let scores: readonly Score[] = [];
    scores = counted(scores, [base, tuned], 1);
    scores = counted(scores, [tuned, base], 0);
    scores = counted(scores, [tuned, base], 1);
    scores = counted(scores, [base, tuned], null);
    expect(scores).toEqual([{ variants: [base, tuned], wins: [1, 2], neither: 1 }]);
  });

  it("keeps pairs apart", () => {
    const other = { release: "base", collection: "staff" };
    const scores = counted(counted([], [base, tuned], 0), [base, other], 0);
    expect(scores.map(({ wins }) => wins)).toEqual([
      [1, 0],
      [1, 0],
    ]);
  });
});
