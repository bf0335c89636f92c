import { describe, expect, it } from "vitest";
import { linearScale, spread, stretches, ticks } from "./scales.ts";

describe("linearScale", () => {
  it("maps the ends of one range onto those of the other, which may run backwards", () => {
    const scale = linearScale([0, 50], [200, 0]);
    expect([scale(0), scale(25), scale(50)]).toEqual([200, 100, 0]);
  });

  it("puts an empty range at the beginning", () => {
    expect(linearScale([3, 3], [10, 90])(3)).toBe(10);
  });
});

describe("ticks", () => {
  it.each([
    [0, [0, 1]],
    [Number.NaN, [0, 1]],
    [1, [0, 0.5, 1]],
    [7, [0, 2, 4, 6, 8]],
    [40, [0, 10, 20, 30, 40]],
    [41, [0, 20, 40, 60]],
    [0.3, [0, 0.1, 0.2, 0.3]],
    [12_345, [0, 5000, 10_000, 15_000]],
  ])("are round and reach %d", (highest, expected) => {
    expect(ticks(highest)).toEqual(expected);
  });

  it("are never many, and never end below the highest value", () => {
    for (let highest = 0.001; highest < 1e7; highest *= 1.37) {
      const found = ticks(highest);
      expect(found.length).toBeLessThanOrEqual(6);
      expect(found.at(-1)).toBeGreaterThanOrEqual(highest * (1 - 1e-6));
    }
  });
});

describe("spread", () => {
  it("takes evenly, never more than asked for", () => {
    expect(spread(48, 6)).toEqual([0, 8, 16, 24, 32, 40]);
    expect(spread(5, 10)).toEqual([0, 1, 2, 3, 4]);
    expect(spread(0, 4)).toEqual([]);
    expect(spread(7, 0)).toEqual([0]);
  });
});

describe("stretches", () => {
  it("ends a line where nothing was measured", () => {
    expect(stretches([1, 2, null, 4, null, null, 0])).toEqual([[0, 1], [3], [6]]);
    expect(stretches([null, null])).toEqual([]);
  });
});
