import { expect, test } from "vitest";
import type { Citation, Sentence } from "../api/bodies.ts";
import { type Piece, runsOf } from "./pieces.ts";

const MARKERS = new Set([1, 2]);

function citation(marker: number, answer_start: number, answer_end: number): Citation {
  const place = { uri: "file:///a", title: "A", page: null, chunk_id: "c", document_id: "d" };
  return {
    ...place,
    marker,
    answer_start,
    answer_end,
    quote: "q",
    quote_start: 0,
    quote_end: 1,
    supported: true,
  };
}

function sentence(start: number, end: number, supported: boolean): Sentence {
  return { start, end, supported, score: 1, markers: [] };
}

function written(pieces: readonly Piece[]): string {
  return pieces.map((piece) => ("text" in piece ? piece.text : `<${piece.marker}>`)).join("");
}

function runs(text: string, citations: Citation[], sentences: Sentence[] = []): [string, boolean | null][] {
  const found = runsOf({ text, citations, sentences, markers: MARKERS });
  return found.map(({ pieces, supported }) => [written(pieces), supported]);
}

test("a marker becomes the number of its citation, and an unknown one stays text", () => {
  expect(runs("One [1] and [7].", [citation(1, 0, 3)])).toEqual([["One<1> and [7].", null]]);
});

test("a citation without a marker is shown after its claim", () => {
  expect(runs("🐎 One. Two.", [citation(2, 2, 6)])).toEqual([["🐎 One.<2> Two.", null]]);
});

test("of two claims with one number the nearest has the marker", () => {
  const [near, far] = [citation(1, 0, 4), citation(1, 9, 13)];
  const found = runsOf({
    text: "One. [1] Two. [1]",
    citations: [far, near],
    sentences: [],
    markers: MARKERS,
  });
  const cited = found
    .flatMap(({ pieces }) => pieces)
    .flatMap((piece) => ("marker" in piece ? [piece.citation] : []));
  expect(cited).toEqual([near, far]);
});

test("a sentence keeps its number, and says whether it is supported", () => {
  const sentences = [sentence(0, 4, true), sentence(9, 13, false)];
  expect(runs("One. [1] Two. [2]", [citation(1, 0, 4), citation(2, 9, 13)], sentences)).toEqual([
    ["One.<1>", true],
    [" ", null],
    ["Two.<2>", false],
  ]);
});

test("nothing of the text is lost, however sentences and markers lie", () => {
  const text = "A🐎 b [1] c. D [2] e";
  const sentences = [sentence(0, 10, true), sentence(11, 18, false)];
  const shown = runs(text, [citation(1, 0, 4)], sentences).map(([part]) => part);
  expect(shown.join("")).toBe("A🐎 b<1> c. D<2> e");
});
