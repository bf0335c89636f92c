import { expect, test } from "vitest";
import { piecesOf } from "./pieces.ts";

const words = (text: string, within: [number, number], ...spans: [number, number][]) =>
  piecesOf(
    text,
    { start: within[0], end: within[1] },
    spans.map(([start, end]) => ({ start, end })),
  ).map(({ text, marked }) => (marked ? `[${text}]` : text));

test("a page's text is cut where marked spans begin and end", () => {
  expect(words("0123456789", [2, 8], [4, 6])).toEqual(["23", "[45]", "67"]);
  expect(words("0123456789", [2, 8], [0, 4], [6, 10])).toEqual(["[23]", "45", "[67]"]);
  expect(words("0123456789", [2, 8], [3, 6], [5, 7])).toEqual(["2", "[34]", "[5]", "[6]", "7"]);
  expect(words("0123456789", [2, 8])).toEqual(["234567"]);
});

test("offsets count code points", () => {
  expect(words("a😀b𠀀c", [0, 5], [1, 2], [3, 4])).toEqual(["a", "[😀]", "b", "[𠀀]", "c"]);
});
