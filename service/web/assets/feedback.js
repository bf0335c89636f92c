// What the reader says of an answer: a thumb, a corrected answer, a comment.

import { element, worded, iconButton, drawn, announce } from "./dom.js";
import { say, sayProblem } from "./strings.js";
import { sendFeedback } from "./api.js";

/** The bar under an answer, with the form that it opens. */
export function feedbackBar(answer, seconds) {
  const up = iconButton("up", "up", { class: "thumb thumb-up", "aria-pressed": "false" });
  const down = iconButton("down", "down", { class: "thumb thumb-down", "aria-pressed": "false" });
  const form = correctionForm(answer);
  const correct = element(
    "button",
    { type: "button", class: "correct", "aria-expanded": "false", "aria-controls": form.id },
    drawn("pencil"),
    worded("span", "correct"),
  );
  const outcome = element("p", { class: "outcome", role: "status" });
  const about = element("span", { class: "timing" });
  about.append(worded("span", "seconds", { values: [seconds] }), ` · ${answer.generator} · ${answer.release}`);

  const show = (visible) => {
    form.hidden = !visible;
    correct.setAttribute("aria-expanded", String(visible));
    if (visible) form.querySelector("textarea").focus();
  };
  const judge = async (verdict, correction = null, comment = null) => {
    try {
      await sendFeedback({ answer_id: answer.id, verdict, correction, comment });
    } catch (problem) {
      outcome.classList.add("failed");
      outcome.replaceChildren(sayProblem(problem));
      return false;
    }
    up.setAttribute("aria-pressed", String(verdict === "up"));
    down.setAttribute("aria-pressed", String(verdict === "down"));
    outcome.classList.remove("failed");
    outcome.replaceChildren(worded("span", "thanks"));
    return true;
  };

  up.addEventListener("click", () => judge("up"));
  down.addEventListener("click", async () => {
    if (await judge("down")) show(true);
  });
  correct.addEventListener("click", () => show(form.hidden));
  form.addEventListener("reset", () => {
    show(false);
    correct.focus();
  });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const { correction, comment } = form.elements;
    if (await judge("down", correction.value, comment.value)) {
      form.reset();
      announce(say("thanks"));
    }
  });
  const bar = element("div", { class: "bar-row" }, up, down, correct, about);
  return element("div", { class: "feedback" }, bar, form, outcome);
}

function correctionForm(answer) {
  const id = `correction-${answer.id}`;
  const correction = element("textarea", { id: `${id}-text`, name: "correction", rows: "3", required: "" });
  const comment = element("input", { id: `${id}-comment`, name: "comment", type: "text" });
  return element(
    "form",
    { id, class: "correction", hidden: "" },
    worded("label", "correctionLabel", { for: correction.id }),
    correction,
    worded("label", "commentLabel", { for: comment.id }),
    comment,
    element(
      "div",
      { class: "buttons" },
      worded("button", "submit", { type: "submit", class: "primary" }),
      worded("button", "cancel", { type: "reset", class: "plain" }),
    ),
  );
}
