// An answer's text, cut into sentences and the numbers of citations between their words.

import type { Citation, Sentence } from "../api/bodies.ts";
import { utf16Indexes } from "../text/code_points.ts";

/** A stretch of the answer: words, or the number of a citation in their midst. */
export type Piece = { text: string } | { marker: number; citation: Citation | null };

/** Pieces that belong together, and whether a source bears them out; null where that was not checked. */
export interface Run {
  supported: boolean | null;
  pieces: Piece[];
}

interface Chip {
  start: number;
  end: number;
  marker: number;
  citation: Citation | null;
}

interface Checked {
  start: number;
  end: number;
  supported: boolean;
}

interface Placed {
  start: number;
  piece: Piece;
}

interface Claim {
  citation: Citation;
  start: number;
  end: number;
  shown: boolean;
}

/** What an answer says so far; the numbers in `markers` are those of its passages. */
export interface Said {
  text: string;
  citations: readonly Citation[];
  sentences: readonly Sentence[];
  markers: ReadonlySet<number>;
}

/**
 * The answer as it is shown.
 *
 * A marker "[n]" in the text belongs to the citation with that number whose claim lies nearest; one without a
 * citation still opens its passage. A citation without a marker is shown after its claim.
 */
export function runsOf(said: Said): Run[] {
  const { text, citations, sentences } = said;
  const offsets = citations.flatMap((citation) => [citation.answer_start, citation.answer_end]);
  const index = utf16Indexes(text, [...offsets, ...sentences.flatMap(({ start, end }) => [start, end])]);
  const checked = sentences.map((sentence) => ({
    start: index(sentence.start),
    end: index(sentence.end),
    supported: sentence.supported,
  }));
  const cuts = checked.flatMap(({ start, end }) => [start, end]);
  const runs: Run[] = [];
  let last: Checked | null | undefined;
  for (const { start, piece } of placed(text, chipsOf(said, index), cuts)) {
    const reach = "marker" in piece ? 1 : 0; // a number right behind a sentence belongs to it
    const within =
      checked.find((sentence) => sentence.start <= start && start < sentence.end + reach) ?? null;
    if (within !== last) runs.push({ supported: within?.supported ?? null, pieces: [] });
    runs.at(-1)?.pieces.push(piece);
    last = within;
  }
  return runs;
}

function chipsOf({ text, citations, markers }: Said, index: (offset: number) => number): Chip[] {
  const claims = citations.map((citation): Claim => {
    const [start, end] = [index(citation.answer_start), index(citation.answer_end)];
    return { citation, start, end, shown: false };
  });
  const chips: Chip[] = [];
  for (const match of text.matchAll(/\s*\[(\d+)\]/g)) {
    const marker = Number(match[1]);
    if (!markers.has(marker)) continue;
    const claim = nearestClaim(claims, marker, match.index);
    if (claim) claim.shown = true;
    const end = match.index + match[0].length;
    chips.push({ start: match.index, end, marker, citation: claim?.citation ?? null });
  }
  for (const { citation, end, shown } of claims) {
    if (!shown) chips.push({ start: end, end, marker: citation.marker, citation });
  }
  return chips.sort((first, second) => first.start - second.start || first.end - second.end);
}

function nearestClaim(claims: readonly Claim[], marker: number, index: number): Claim | null {
  const distance = (claim: Claim) => Math.max(claim.start - index, index - claim.end, 0);
  const candidates = claims.filter(({ citation }) => citation.marker === marker);
  return candidates.reduce<Claim | null>(
    (best, claim) => (best === null || distance(claim) < distance(best) ? claim : best),
    null,
  );
}

/** The pieces of the whole text with their places; words are cut at `cuts`, too. */
function* placed(text: string, chips: readonly Chip[], cuts: readonly number[]): Generator<Placed> {
  let position = 0;
  function* words(end: number): Generator<Placed> {
    const ends = cuts.filter((cut) => position < cut && cut < end).sort((first, second) => first - second);
    for (const cut of [...ends, end]) {
      if (cut > position) yield { start: position, piece: { text: text.slice(position, cut) } };
      position = Math.max(position, cut);
    }
  }
  for (const { start, end, marker, citation } of chips) {
    yield* words(start);
    yield { start, piece: { marker, citation } };
    position = Math.max(position, end);
  }
  yield* words(text.length);
}
