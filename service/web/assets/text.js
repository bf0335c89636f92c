// Offsets: the server counts Unicode code points, JavaScript strings count UTF-16 units. The two differ
// after the first character outside the basic plane: an emoji, a rare ideograph.

/**
 * The UTF-16 index of each code point offset.
 * @param {string} text
 * @param {Iterable<number>} offsets in code points; those beyond the text give its length
 * @returns {Map<number, number>}
 */
export function utf16Indexes(text, offsets) {
  const wanted = [...new Set(offsets)].sort((a, b) => a - b);
  const found = new Map();
  let index = 0;
  let count = 0;
  for (const offset of wanted) {
    while (count < offset && index < text.length) {
      index += text.codePointAt(index) > 0xffff ? 2 : 1;
      count += 1;
    }
    found.set(offset, index);
  }
  return found;
}

/**
 * Put the numbers of citations into an answer's text.
 *
 * A marker "[n]" in the text belongs to the citation with that number whose claim lies nearest; one
 * without a citation still opens its passage. A citation without a marker is shown after its claim.
 * @returns {Array<{text: string} | {marker: number, citation: object | null}>}
 */
export function answerParts(text, citations, markers) {
  const indexes = utf16Indexes(text, citations.flatMap((c) => [c.answer_start, c.answer_end]));
  const claims = citations.map((citation) => ({
    citation,
    start: indexes.get(citation.answer_start),
    end: indexes.get(citation.answer_end),
    shown: false,
  }));
  const chips = [];
  for (const match of text.matchAll(/\s*\[(\d+)\]/g)) {
    const marker = Number(match[1]);
    if (!markers.has(marker)) continue;
    const claim = nearestClaim(claims, marker, match.index);
    if (claim) claim.shown = true;
    chips.push({ start: match.index, end: match.index + match[0].length, marker, citation: claim?.citation ?? null });
  }
  for (const claim of claims) {
    if (!claim.shown) {
      chips.push({ start: claim.end, end: claim.end, marker: claim.citation.marker, citation: claim.citation });
    }
  }
  chips.sort((a, b) => a.start - b.start || a.end - b.end);
  return interleave(text, chips);
}

function nearestClaim(claims, marker, index) {
  let best = null;
  let bestDistance = Infinity;
  for (const claim of claims) {
    if (claim.citation.marker !== marker) continue;
    const distance = Math.max(claim.start - index, index - claim.end, 0);
    if (distance < bestDistance) [best, bestDistance] = [claim, distance];
  }
  return best;
}

function interleave(text, chips) {
  const parts = [];
  let position = 0;
  for (const chip of chips) {
    if (chip.start > position) parts.push({ text: text.slice(position, chip.start) });
    parts.push({ marker: chip.marker, citation: chip.citation });
    position = Math.max(position, chip.end);
  }
  if (position < text.length) parts.push({ text: text.slice(position) });
  return parts;
}
