// One question with its answer: the text as it streams, its numbered citations, its sources, and what the
// reader says of it.

import { element, worded, drawn, announce } from "./dom.js";
import { say, sayProblem } from "./strings.js";
import { answerParts } from "./text.js";
import { feedbackBar } from "./feedback.js";

/** The card of one answer. `open(passage, citation, collection)` shows a source. */
export class AnswerCard {
  constructor(question, collection, open) {
    this.collection = collection;
    this.open = open;
    this.passages = new Map();
    this.citations = [];
    this.text = "";
    this.flags = element("div", { class: "flags" });
    this.body = element("div", { class: "text", "aria-busy": "true" });
    this.state = worded("p", "searching", { class: "state" });
    this.sources = element("div", { class: "sources" });
    this.foot = element("div", { class: "foot" });
    const card = element("div", { class: "card" }, this.flags, this.state, this.body, this.sources, this.foot);
    this.root = element("article", { class: "exchange" }, element("h2", { class: "question" }, question), card);
    announce(say("searching"));
  }

  /** Take an event of the stream; true when it was the last. */
  take({ name, data }) {
    if (name === "retrieval") this.#retrieved(data);
    else if (name === "message.delta") this.#grow(data.text);
    else if (name === "citation") this.#cited(data);
    else if (name === "done") this.#finish(data);
    else if (name === "error") this.fail({ code: data.code, message: data.detail });
    return name === "done" || name === "error";
  }

  /** Show what went wrong; what was already written stays. */
  fail(problem) {
    this.#settle();
    const explained = element("p", {}, sayProblem(problem));
    this.foot.replaceChildren(
      element("div", { class: "problem", role: "alert" }, worded("strong", "errorTitle"), explained),
    );
  }

  /** The reader stopped the answer. */
  stop() {
    this.#settle();
    this.foot.replaceChildren(worded("p", "stopped", { class: "timing" }));
    announce(say("stopped"));
  }

  #retrieved({ passages }) {
    this.passages = new Map(passages.map((passage) => [passage.marker, passage]));
    this.state.replaceWith((this.state = worded("p", "reading", { class: "state", values: [passages.length] })));
    announce(say("reading", passages.length));
  }

  #grow(text) {
    this.text += text;
    this.state.hidden = true;
    this.#write();
  }

  #cited(citation) {
    this.citations.push(citation);
    this.#write();
  }

  #finish(answer) {
    this.text = answer.text;
    this.citations = answer.citations;
    this.passages = new Map(answer.passages.map((passage) => [passage.marker, passage]));
    this.collection = answer.collection;
    this.#settle();
    this.root.classList.toggle("abstained", answer.abstained);
    this.body.lang = answer.language;
    this.flags.replaceChildren(...flagsOf(answer));
    this.sources.replaceChildren(...this.#sourceLists(answer));
    this.foot.replaceChildren(feedbackBar(answer, secondsOf(answer)));
    announce(`${answer.text} ${say("answered", answer.citations.length)}`);
  }

  #settle() {
    this.state.hidden = true;
    this.body.setAttribute("aria-busy", "false");
    this.#write();
  }

  #write() {
    const focused = document.activeElement?.dataset?.citation;
    const parts = answerParts(this.text, this.citations, new Set(this.passages.keys()));
    const shown = parts.map((part, number) => ("text" in part ? part.text : this.#chip(part, number)));
    this.body.replaceChildren(...shown);
    if (focused) this.body.querySelector(`[data-citation="${focused}"]`)?.focus();
  }

  #chip({ marker, citation }, number) {
    const passage = this.passages.get(marker);
    const label = { label: "citeLabel", values: JSON.stringify([marker, passage.title]), citation: `${number}` };
    const kind = citation === null ? "pending" : citation.supported ? "sure" : "unsure";
    const chip = element("button", { type: "button", class: `cite ${kind}`, data: label }, String(marker));
    chip.setAttribute("aria-label", say("citeLabel", marker, passage.title));
    chip.addEventListener("click", () => this.open(passage, citation, this.collection));
    return chip;
  }

  #sourceLists(answer) {
    const cited = new Set(answer.citations.map((citation) => citation.marker));
    const used = answer.passages.filter((passage) => cited.has(passage.marker));
    const others = answer.passages.filter((passage) => !cited.has(passage.marker));
    const lists = [];
    if (used.length) lists.push(worded("h3", "sources", { class: "label" }), this.#list(used));
    if (others.length) {
      const key = used.length ? "alsoRead" : "closest";
      const summary = worded("summary", key, { class: "label", values: [others.length] });
      lists.push(element("details", {}, summary, this.#list(others)));
    }
    return lists;
  }

  #list(passages) {
    const items = passages.map((passage) => {
      const citation = this.citations.find(({ marker }) => marker === passage.marker) ?? null;
      const place = element("span", { class: "place" }, ...placeNodes(passage));
      const button = element(
        "button",
        { type: "button", class: "source-link" },
        element("span", { class: "number" }, String(passage.marker)),
        element("span", { class: "names" }, element("span", { class: "title" }, passage.title), place),
      );
      button.addEventListener("click", () => this.open(passage, citation, this.collection));
      return element("li", {}, button);
    });
    return element("ol", { class: "source-list" }, ...items);
  }
}

/** Where a passage stands: its headings and page. */
export function placeNodes(passage) {
  const page = passage.page === null ? [] : [worded("span", "page", { values: [passage.page] })];
  const [top, ...below] = passage.heading_path;
  const headings = top === passage.title ? below : passage.heading_path;
  const places = [...headings, ...page];
  return places.flatMap((place, number) => (number ? [" › ", place] : [place]));
}

function flagsOf(answer) {
  const flags = [];
  if (answer.abstained) flags.push(flag("absent", "quiet", worded("span", "abstained")));
  if (answer.degraded) {
    const degraded = flag("quote", "warn", worded("span", "degraded"));
    flags.push(degraded, worded("p", answer.degraded, { class: "why" }));
  } else if (!answer.abstained) {
    flags.push(groundednessFlag(Math.round(answer.groundedness * 100)));
  }
  return flags;
}

function groundednessFlag(percent) {
  if (percent === 100) return flag("check", "good", worded("span", "grounded"));
  const words = percent === 0 ? worded("span", "ungrounded") : worded("span", "partly", { values: [percent] });
  return flag("absent", "warn", words);
}

function flag(icon, kind, words) {
  return element("span", { class: `flag ${kind}` }, drawn(icon), words);
}

function secondsOf(answer) {
  const total = answer.timings_ms.total ?? Math.max(0, ...Object.values(answer.timings_ms));
  return (total / 1000).toFixed(1);
}
