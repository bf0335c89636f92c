// The source panel: a document with the passage that was read, and in it the words that were quoted.

import { getDocument } from "./api.js";
import { element, worded } from "./dom.js";
import { markdownNodes } from "./markdown.js";
import { say } from "./strings.js";
import { placeNodes } from "./answer.js";
import { utf16Indexes } from "./text.js";

const AROUND = 60_000; // UTF-16 units shown before and after the passage of a long document

const byId = (id) => document.getElementById(id);

/** The panel beside the answers. */
export class SourcePanel {
  #returnTo = null;
  #opened = 0;

  constructor() {
    byId("source-close").addEventListener("click", () => this.close());
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && !byId("source").hidden) this.close();
    });
  }

  /** Show `passage` in its document and highlight what `citation` quotes. */
  async open(passage, citation, collection) {
    const opened = ++this.#opened;
    this.#returnTo = document.activeElement;
    this.#head(passage);
    byId("document").replaceChildren(worded("p", "loading", { class: "state" }));
    byId("source").hidden = false;
    byId("workspace").classList.add("with-source");
    byId("source-title").focus({ preventScroll: true });
    const source = await getDocument(passage.document_id, collection).catch(() => passageAlone(passage));
    if (opened !== this.#opened) return;
    byId("source-notice").hidden = !source.alone;
    show(source, passage, citation);
  }

  /** Close the panel and give the focus back to what opened it. */
  close() {
    this.#opened += 1;
    byId("source").hidden = true;
    byId("workspace").classList.remove("with-source");
    this.#returnTo?.focus();
  }

  #head(passage) {
    const file = decodeURIComponent(passage.uri.split("/").pop());
    byId("source-kicker").replaceChildren(worded("span", "sourceKicker", { values: [passage.marker] }), ` · ${file}`);
    byId("source-title").textContent = passage.title;
    byId("source-path").replaceChildren(...placeNodes(passage));
    byId("source-notice").hidden = true;
  }
}

/** What is known of a document that has gone: the passage itself, at its old place. */
function passageAlone(passage) {
  const { uri, text, start, end, heading_path } = passage;
  const chunks = [{ start, end, kind: "paragraph", heading_path }];
  return { alone: true, uri, text, shift: start, language: "", pages: [], chunks };
}

function show(source, passage, citation) {
  const shift = source.shift ?? 0;
  const quote = citation ? { start: citation.quote_start, end: citation.quote_end } : null;
  const spans = [...source.chunks, ...source.pages, passage, ...(quote ? [quote] : [])];
  const indexes = utf16Indexes(source.text, spans.flatMap((span) => [span.start - shift, span.end - shift]));
  const place = (span) => ({ ...span, start: indexes.get(span.start - shift), end: indexes.get(span.end - shift) });
  const layers = {
    chunks: source.chunks.map(place).sort((a, b) => a.start - b.start),
    pages: source.pages.map(place),
    passage: place(passage),
    quote: quote && place(quote),
    isMarkdown: /\.(md|markdown)$/i.test(source.uri),
  };
  const shown = byId("document");
  shown.lang = source.language;
  shown.replaceChildren(...pieces(source.text, layers));
  const target = shown.querySelector("mark") ?? shown.querySelector(".passage");
  target?.scrollIntoView({ block: "center", behavior: "instant" });
}

/** The text cut where anything about it changes, each piece in an element that shows what it is. */
function* pieces(text, { chunks, pages, passage, quote, isMarkdown }) {
  const from = Math.max(0, wholeIndex(text, passage.start - AROUND));
  const to = Math.min(text.length, wholeIndex(text, passage.end + AROUND));
  const cuts = new Set([from, to]);
  for (const span of [...chunks, ...pages, passage, ...(quote ? [quote] : [])]) {
    for (const cut of [span.start, span.end]) if (cut > from && cut < to) cuts.add(cut);
  }
  const sorted = [...cuts].sort((a, b) => a - b);
  if (from > 0) yield element("span", { class: "gap" }, "…");
  for (let number = 0; number + 1 < sorted.length; number += 1) {
    const [start, end] = [sorted[number], sorted[number + 1]];
    const page = pages.find((candidate) => candidate.start === start);
    if (page && pages.length > 1) yield element("span", { class: "page", data: { page: say("page", page.number) } });
    const holds = (span) => span && span.start <= start && end <= span.end;
    const chunk = chunks.find(holds);
    const shown = text.slice(start, end);
    const classes = [chunk?.kind ?? (isHeading(shown, chunks, end) ? "heading" : "between")];
    if (holds(passage)) classes.push("passage");
    const nodes = isMarkdown && chunk?.kind !== "code" ? markdownNodes(shown) : [shown];
    yield element(holds(quote) ? "mark" : "span", { class: classes.join(" ") }, ...nodes);
  }
  if (to < text.length) yield element("span", { class: "gap" }, "…");
}

/** Text between chunks is a heading when the next chunk stands under it. */
function isHeading(text, chunks, end) {
  const next = chunks.find((chunk) => chunk.start >= end);
  return next?.heading_path.some((heading) => text.includes(heading)) ?? false;
}

/** `index`, moved out of the middle of a surrogate pair. */
function wholeIndex(text, index) {
  const unit = text.charCodeAt(index);
  return unit >= 0xdc00 && unit <= 0xdfff ? index - 1 : index;
}
