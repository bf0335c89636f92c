// Elements are built here and nowhere else: text goes in as text, so nothing an answer or a document
// holds can become markup.

import { say } from "./strings.js";

const SVG = "http://www.w3.org/2000/svg";

const ICONS = {
  up: "M6.5 9v7.5m0-7.5H4.2c-.7 0-1.2.5-1.2 1.2v5.1c0 .7.5 1.2 1.2 1.2h2.3m0-7.5 3-5.8c1.3 0 2.2 1 2 2.3L11.1 8h4c1.1 0 1.9 1 1.7 2.1l-.9 4.9c-.2.9-.9 1.5-1.8 1.5H6.5",
  down: "M13.5 11V3.5m0 7.5h2.3c.7 0 1.2-.5 1.2-1.2V4.7c0-.7-.5-1.2-1.2-1.2h-2.3m0 7.5-3 5.8c-1.3 0-2.2-1-2-2.3l.4-2.5h-4c-1.1 0-1.9-1-1.7-2.1l.9-4.9c.2-.9.9-1.5 1.8-1.5h7.6",
  pencil: "m4 16 .7-3.2 8.7-8.7a1.4 1.4 0 0 1 2 0l.5.5a1.4 1.4 0 0 1 0 2l-8.7 8.7L4 16Z",
  check: "m4.5 10.5 3.6 3.5 7.4-8",
  quote: "M5 13.5c2-.6 3-2 3-4V6.5H4v4h2.5M13 13.5c2-.6 3-2 3-4V6.5h-4v4h2.5",
  absent: "M10 6v5m0 2.8v.2M10 2.8a7.2 7.2 0 1 0 0 14.4 7.2 7.2 0 0 0 0-14.4Z",
};

/**
 * An element.
 * @param {string} tag
 * @param {object} [attributes] `class`, `data`, and plain attributes
 * @param {...(Node|string)} children
 */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "data") Object.assign(made.dataset, value);
    else if (value !== null && value !== undefined) made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

/** An element that shows the words for `key`, and keeps showing them when the language changes. */
export function worded(tag, key, { values = [], ...attributes } = {}) {
  const data = { text: key, values: JSON.stringify(values) };
  return element(tag, { ...attributes, data }, say(key, ...values));
}

/** A button with an icon, labelled with the words for `key`. */
export function iconButton(key, icon, attributes = {}) {
  const made = element("button", { type: "button", ...attributes, data: { label: key, title: key } }, drawn(icon));
  made.setAttribute("aria-label", say(key));
  made.title = say(key);
  return made;
}

/** An icon; it says nothing to a screen reader. */
export function drawn(icon) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 20 20");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", ICONS[icon]);
  svg.append(path);
  return svg;
}

/** Say something to a screen reader without moving the focus. */
export function announce(text) {
  document.getElementById("announcer").textContent = text;
}
