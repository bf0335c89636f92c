import { expect, test } from "vitest";
import type { SourceDocument } from "../api/bodies.ts";
import { readable } from "./layers.ts";

const TEXT = "# Rank\n\nA rank of 16 🐎 is enough. Raise it.\n";

function source(text: string, changes: Partial<SourceDocument> = {}): SourceDocument {
  const chunks = [{ start: 8, end: 43, kind: "paragraph", heading_path: ["Rank"] }];
  return { id: "d", uri: "file:///a.md", title: "A", language: "en", text, pages: [], chunks, ...changes };
}

test("the quote is cut out to the character, behind an emoji too", () => {
  const { stretches } = readable(source(TEXT), { start: 8, end: 43 }, { start: 34, end: 43 });
  const quoted = stretches.filter(({ isQuote }) => isQuote).map(({ text }) => text);
  expect(quoted.join("")).toBe("Raise it.");
  expect(stretches.map(({ text }) => text).join("")).toBe(TEXT);
  expect(stretches[0]?.kind).toBe("heading");
});

test("a page begins where it begins, and a single page is not told of", () => {
  const pages = [
    { number: 1, start: 0, end: 8 },
    { number: 2, start: 8, end: 44 },
  ];
  const numbers = (found: SourceDocument) => readable(found, null, null).stretches.map(({ page }) => page);
  expect(numbers(source(TEXT, { pages }))).toEqual([1, 2, null]);
  expect(numbers(source(TEXT, { pages: pages.slice(0, 1) })).every((page) => page === null)).toBe(true);
});

test("of a long document only what is around the passage is shown", () => {
  const text = "字".repeat(200_000);
  const passage = { start: 100_000, end: 100_010 };
  const { stretches, beginsBefore, goesOn } = readable(source(text, { chunks: [] }), passage, null);
  expect([beginsBefore, goesOn]).toEqual([true, true]);
  expect(stretches.map((stretch) => stretch.text).join("")).toHaveLength(120_010);
});
