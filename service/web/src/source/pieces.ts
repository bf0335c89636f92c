import { utf16Indexes } from "../text/code_points.ts";
import type { Span } from "./opened.ts";

/** A stretch of text that is marked as a whole, or not at all. */
export interface Piece {
  start: number;
  text: string;
  marked: boolean;
}

/** The part `within` of a text, cut where marked spans begin and end; all offsets count code points. */
export function piecesOf(text: string, within: Span, spans: readonly Span[]): Piece[] {
  const edges = spans.flatMap(({ start, end }) => [start, end]);
  const inside = edges.filter((edge) => within.start < edge && edge < within.end);
  const cuts = [...new Set([within.start, ...inside, within.end])].sort((one, other) => one - other);
  const index = utf16Indexes(text, cuts);
  return cuts.slice(0, -1).map((start, place) => ({
    start,
    text: text.slice(index(start), index(cuts[place + 1] ?? start)),
    marked: spans.some((span) => span.start <= start && start < span.end),
  }));
}
