import { expect, test } from "vitest";
import { lastPage, styleOf, widthFor } from "./pdfSheet.ts";

test("a page is asked for in one of few widths, at least as wide as it is shown", () => {
  expect(widthFor(1)).toBe(600);
  expect(widthFor(1000)).toBe(1000);
  expect(widthFor(1001)).toBe(1500);
  expect(widthFor(9000)).toBe(3000);
});

test("the last page is told by the link", () => {
  expect(lastPage('<12>; rel="last"', 3)).toBe(12);
  expect(lastPage(null, 3)).toBe(3);
});

test("a box is laid over the page by shares of it", () => {
  const box = { page: 1, start: 0, end: 5, left: 0.1, top: 0.25, right: 0.6, bottom: 0.275 };
  expect(styleOf(box)).toEqual({ left: "10.000%", top: "25.000%", width: "50.000%", height: "2.500%" });
});
