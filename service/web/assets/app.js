// The page: puts the parts together.

import { AnswerCard } from "./answer.js";
import { Problem, getCollections, streamAnswer } from "./api.js";
import { worded } from "./dom.js";
import { SourcePanel } from "./source.js";
import { applyLanguage, say, switchLanguage } from "./strings.js";

const byId = (id) => document.getElementById(id);
const panel = new SourcePanel();
let running = null;

async function ask(question) {
  const stopping = new AbortController();
  running = stopping;
  const open = (...details) => panel.open(...details);
  const card = new AnswerCard(question, byId("collection").value, open);
  byId("welcome").hidden = true;
  byId("conversation").append(card.root);
  card.root.scrollIntoView({ block: "start" });
  showSending(true);
  try {
    await follow(card, streamAnswer(question, byId("collection").value || undefined, stopping.signal));
  } catch (error) {
    if (stopping.signal.aborted) card.stop();
    else card.fail(error instanceof Problem ? error : new Problem("interrupted", say("interrupted")));
  }
  running = null;
  showSending(false);
}

async function follow(card, events) {
  for await (const event of events) {
    const last = card.take(event);
    keepInView(card.root);
    if (last) return;
  }
  throw new Problem("interrupted", say("interrupted"));
}

/** Scroll with the answer as it grows, unless the reader has scrolled away from its end. */
function keepInView(root) {
  const scroll = byId("scroll");
  const below = root.getBoundingClientRect().bottom - scroll.getBoundingClientRect().bottom;
  if (below > 0 && below < 160) scroll.scrollTop += below + 16;
}

function showSending(sending) {
  const button = byId("send");
  button.classList.toggle("sending", sending);
  button.dataset.label = sending ? "stop" : "send";
  button.setAttribute("aria-label", say(button.dataset.label));
}

function fit(textarea) {
  textarea.style.height = "auto";
  textarea.style.height = `${Math.min(textarea.scrollHeight, 180)}px`;
}

function prepareForm() {
  const form = byId("ask");
  const field = byId("question");
  field.addEventListener("input", () => fit(field));
  field.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      form.requestSubmit();
    }
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (running) {
      running.abort();
      return;
    }
    const question = field.value.trim();
    if (!question) return;
    field.value = "";
    fit(field);
    ask(question);
  });
}

async function showCollections() {
  const { default: first, collections } = await getCollections();
  const select = byId("collection");
  for (const { name } of collections) select.add(new Option(name, name, name === first, name === first));
  byId("collection-field").hidden = collections.length < 2;
  const show = () => {
    const chosen = collections.find(({ name }) => name === select.value);
    const values = chosen ? [chosen.documents, chosen.chunks] : [];
    const told = values[0] !== null; // the server counts only for those who may see everything
    byId("holdings").replaceChildren(...(told ? [worded("span", chosen ? "holdings" : "nothingYet", { values })] : []));
  };
  select.addEventListener("change", show);
  show();
}

function showLanguage() {
  const button = byId("language");
  button.textContent = say("switchTo");
  button.setAttribute("aria-label", say("switchLabel"));
  button.lang = document.documentElement.lang === "zh" ? "en" : "zh";
}

byId("language").addEventListener("click", () => {
  switchLanguage();
  showLanguage();
});
applyLanguage();
showLanguage();
prepareForm();
showCollections().catch(() => {});
