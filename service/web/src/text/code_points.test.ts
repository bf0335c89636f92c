import { expect, test } from "vitest";
import { utf16Indexes, wholeIndex } from "./code_points.ts";

test("offsets behind an emoji and a rare ideograph are moved by a unit each", () => {
  const text = "a🐎b𠮷c";
  const index = utf16Indexes(text, [5, 0, 1, 2, 3, 4]);
  expect([0, 1, 2, 3, 4, 5].map(index)).toEqual([0, 1, 3, 4, 6, 7]);
  expect(text.slice(index(3), index(4))).toBe("𠮷");
});

test("offsets beyond the text are its end", () => {
  expect(utf16Indexes("🐎", [9])(9)).toBe(2);
});

test("an index within a surrogate pair is moved before it", () => {
  expect(["a🐎".length - 1, 1, 0].map((index) => wholeIndex("a🐎", index))).toEqual([1, 1, 0]);
});
