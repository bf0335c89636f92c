import { describe, expect, it } from "vitest";
import { differences } from "./difference.ts";

function marked(left: string, right: string): [string[], string[]] {
  const [first, second] = differences(left, right);
  return [
    first.map(({ start, end }) => left.slice(start, end)),
    second.map(({ start, end }) => right.slice(start, end)),
  ];
}

describe("differences", () => {
  it("marks words that only one text has", () => {
    expect(marked("The rank is 16 by default.", "The default rank is 8.")).toEqual([
      ["16 by default"],
      ["default", "8"],
    ]);
  });

  it("marks single ideographs", () => {
    expect(marked("默认的秩是十六。", "默认的秩是八。")).toEqual([["十六"], ["八"]]);
  });

  it("marks nothing in the same words, whatever stands between them", () => {
    expect(marked("One, two.", "One two")).toEqual([[], []]);
    expect(marked("", "")).toEqual([[], []]);
  });

  it("marks everything where nothing is the same", () => {
    expect(marked("one two", "")).toEqual([["one two"], []]);
  });

  it("leaves very long texts unmarked", () => {
    expect(marked("a ".repeat(4000), "b")).toEqual([[], []]);
  });
});
