// An answer as plain text, for where it is pasted.

import type { Answer, Citation } from "../api/bodies.ts";

/** The answer's text, and under it each quote that it cites with where it stands. */
export function asPlainText(
  answer: Answer,
  words: { sources: string; page: (number: number) => string },
): string {
  if (answer.citations.length === 0) return answer.text;
  const lines = answer.citations.map((citation) => `[${citation.marker}] ${placeOf(citation, words.page)}`);
  return `${answer.text}\n\n${words.sources}\n${[...new Set(lines)].join("\n")}\n`;
}

function placeOf({ title, page, uri, quote }: Citation, pageWords: (number: number) => string): string {
  const place = page === null ? title : `${title}, ${pageWords(page)}`;
  return `${place}: “${quote}” (${uri})`;
}
