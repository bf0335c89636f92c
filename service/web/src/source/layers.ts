// A document's text, cut where anything about it changes: a chunk, a page, the passage, the quote.

import type { Passage, SourceDocument } from "../api/bodies.ts";
import { utf16Indexes, wholeIndex } from "../text/code_points.ts";
import type { Span } from "./opened.ts";

const AROUND = 60_000; // UTF-16 units shown before and after the passage of a long document

/** A stretch of a document in which everything is the same. */
export interface Stretch {
  text: string;
  /** What it is: the kind of its chunk, a heading, or what stands between chunks. */
  kind: string;
  /** The page that begins with it. */
  page: number | null;
  isPassage: boolean;
  isQuote: boolean;
}

/** A document, or as much of it as is shown. */
export interface Readable {
  stretches: Stretch[];
  beginsBefore: boolean;
  goesOn: boolean;
}

type Chunk = SourceDocument["chunks"][number];

/** What is known of a document that has gone: the passage itself, whose text begins at `passage.start`. */
export function documentOf(passage: Passage): SourceDocument {
  const { document_id, uri, title, text, heading_path } = passage;
  const chunks = [{ start: 0, end: passage.end - passage.start, kind: "paragraph", heading_path }];
  return { id: document_id, uri, title, language: "", text, pages: [], chunks };
}

/** `source` in stretches. Every span counts code points of its text. */
export function readable(source: SourceDocument, passage: Span | null, quote: Span | null): Readable {
  const { text } = source;
  const spans = [...source.chunks, ...source.pages, ...present(passage), ...present(quote)];
  const index = utf16Indexes(
    text,
    spans.flatMap(({ start, end }) => [start, end]),
  );
  const place = <Placed extends Span>(span: Placed): Placed => {
    return { ...span, start: index(span.start), end: index(span.end) };
  };
  const [shownPassage, shownQuote] = [passage && place(passage), quote && place(quote)];
  const chunks = source.chunks.map(place).sort((first, second) => first.start - second.start);
  const pages = source.pages.map(place);
  const from = wholeIndex(text, Math.max(0, (shownPassage?.start ?? 0) - AROUND));
  const to = wholeIndex(text, Math.min(text.length, (shownPassage?.end ?? 0) + AROUND));
  const ends = [...chunks, ...pages, ...present(shownPassage), ...present(shownQuote)];
  const stretches = between(from, to, ends).map(([start, end]): Stretch => {
    return {
      text: text.slice(start, end),
      kind: kindOf(text, start, end, chunks),
      page: pages.length > 1 ? (pages.find((page) => page.start === start)?.number ?? null) : null,
      isPassage: holds(shownPassage, start, end),
      isQuote: holds(shownQuote, start, end),
    };
  });
  return { stretches, beginsBefore: from > 0, goesOn: to < text.length };
}

function present(span: Span | null): Span[] {
  return span === null ? [] : [span];
}

/** The stretches from `from` to `to` that the ends of `spans` cut. */
function between(from: number, to: number, spans: readonly Span[]): [number, number][] {
  const inside = spans.flatMap(({ start, end }) => [start, end]).filter((cut) => from < cut && cut < to);
  const cuts = [...new Set([from, ...inside, to])].sort((first, second) => first - second);
  return cuts.slice(1).map((end, number) => [cuts[number] ?? from, end]);
}

function holds(span: Span | null, start: number, end: number): boolean {
  return span !== null && span.start <= start && end <= span.end;
}

/** Text between chunks is a heading where the next chunk stands under it. */
function kindOf(text: string, start: number, end: number, chunks: readonly Chunk[]): string {
  const chunk = chunks.find((candidate) => holds(candidate, start, end));
  if (chunk) return chunk.kind;
  const next = chunks.find((candidate) => candidate.start >= end);
  const shown = text.slice(start, end);
  return next?.heading_path.some((heading) => shown.includes(heading)) ? "heading" : "between";
}
