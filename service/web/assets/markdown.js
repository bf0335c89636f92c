// Markdown source, easier on the eye: its marks are dimmed and what they mean is shown. Nothing is taken
// out or put in, so the text can still be compared with the file character for character.

import { element } from "./dom.js";

const MARKS = /(\*\*|__)(?=\S)(.+?)\1|(`+)(.+?)\3|^(#{1,6}[ \t]+)/gm;

const dimmed = (text) => element("span", { class: "syntax" }, text);

/** The nodes that show `text`, a stretch of Markdown source. */
export function markdownNodes(text) {
  const nodes = [];
  let position = 0;
  for (const match of text.matchAll(MARKS)) {
    const [whole, stars, strong, ticks, code, hashes] = match;
    nodes.push(text.slice(position, match.index));
    if (hashes) nodes.push(dimmed(hashes));
    else if (stars) nodes.push(dimmed(stars), element("strong", {}, strong), dimmed(stars));
    else nodes.push(dimmed(ticks), element("code", {}, code), dimmed(ticks));
    position = match.index + whole.length;
  }
  nodes.push(text.slice(position));
  return nodes;
}
