import { useRef } from "preact/hooks";
import { useStrings } from "../language/language.ts";
import { navigate } from "../navigation/navigation.ts";
import { announce } from "../widgets/announce.ts";
import { Button } from "../widgets/Button.tsx";
import { isComposing } from "../widgets/composing.ts";
import { Icon } from "../widgets/Icon.tsx";
import {
  ask,
  conversation,
  draft,
  isAnswering,
  keptProblem,
  startAnew,
  stopAnswering,
} from "./conversation.ts";
import { strings } from "./strings.ts";

const MAX_CHARACTERS = 8000;

/** Where the question is written; while an answer is written, its button stops it. */
export function QuestionForm() {
  const say = useStrings(strings);
  const field = useRef<HTMLTextAreaElement>(null);
  const hasBegun = conversation.value.length > 0;
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    if (isAnswering.value) stopAnswering();
    else void send();
  };
  const send = async () => {
    const question = draft.value.trim();
    if (!question) return;
    draft.value = "";
    announce(say.searching);
    const asked = ask(question);
    navigate("/"); // the conversation is no longer the kept answer alone that the address may name
    const { answer, state } = await asked;
    if (answer) announce(`${answer.text} ${say.answered(answer.citations.length)}`);
    else if (state === "stopped") announce(say.stopped);
    else if (draft.value === "") draft.value = question;
  };
  const begin = () => {
    startAnew();
    navigate("/");
    field.current?.focus();
  };
  return (
    <div class="dock">
      {(hasBegun || keptProblem.value) && (
        <div class="dock-row">
          <Button kind="quiet" icon="plus" onClick={begin}>
            {say.anew}
          </Button>
        </div>
      )}
      <form class="ask" onSubmit={submit}>
        <label class="visually-hidden" for="question">
          {say.questionLabel}
        </label>
        <textarea
          id="question"
          rows={1}
          maxlength={MAX_CHARACTERS}
          autocomplete="off"
          ref={field}
          placeholder={hasBegun ? say.placeholderNext : say.placeholder}
          value={draft.value}
          onInput={(event) => {
            draft.value = event.currentTarget.value;
          }}
          onKeyDown={submitOnEnter}
        />
        <SendButton />
      </form>
      <p class="hint">{say.hint}</p>
    </div>
  );
}

function SendButton() {
  const say = useStrings(strings);
  const label = isAnswering.value ? say.stop : say.send;
  return (
    <button id="send" type="submit" aria-label={label} title={label}>
      <Icon name={isAnswering.value ? "stop" : "send"} />
    </button>
  );
}

/**
 * Enter sends, with the shift key it begins a line; while an input method composes a word it does neither.
 *
 * While an answer is written it does nothing: stopping is for the button alone.
 */
function submitOnEnter(event: KeyboardEvent & { currentTarget: HTMLTextAreaElement }): void {
  if (event.key !== "Enter" || event.shiftKey || isComposing(event)) return;
  event.preventDefault();
  if (event.repeat || isAnswering.value) return;
  event.currentTarget.form?.requestSubmit();
}
