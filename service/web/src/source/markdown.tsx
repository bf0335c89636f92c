// Markdown source, easier on the eye: its marks are dimmed and what they mean is shown. Nothing is taken out
// or put in, so that the text can still be compared with the file character for character.

import type { ComponentChild } from "preact";

const MARKS = /(\*\*|__)(?=\S)(.+?)\1|(`+)(.+?)\3|^(#{1,6}[ \t]+)/gm;

/** What shows `text`, a stretch of Markdown source. */
export function markdown(text: string): ComponentChild[] {
  const shown: ComponentChild[] = [];
  let position = 0;
  for (const match of text.matchAll(MARKS)) {
    const [whole, stars, strong, ticks, code, hashes] = match;
    shown.push(text.slice(position, match.index));
    if (hashes) shown.push(<Dimmed>{hashes}</Dimmed>);
    else if (stars) shown.push(<Dimmed>{stars}</Dimmed>, <strong>{strong}</strong>, <Dimmed>{stars}</Dimmed>);
    else shown.push(<Dimmed>{ticks}</Dimmed>, <code>{code}</code>, <Dimmed>{ticks}</Dimmed>);
    position = match.index + whole.length;
  }
  return [...shown, text.slice(position)];
}

function Dimmed({ children }: { children: ComponentChild }) {
  return <span class="syntax">{children}</span>;
}
