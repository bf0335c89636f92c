import { useRef } from "preact/hooks";
import { useStrings } from "../language/language.ts";
import { navigate } from "../navigation/navigation.ts";
import { announce } from "../widgets/announce.ts";
import { Button } from "../widgets/Button.tsx";
import { Icon } from "../widgets/Icon.tsx";
import { ask, conversation, isAnswering, startAnew, stopAnswering } from "./conversation.ts";
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
    const question = field.current?.value.trim();
    if (!field.current || !question) return;
    field.current.value = "";
    announce(say.searching);
    const { answer, state } = await ask(question);
    if (answer) announce(`${answer.text} ${say.answered(answer.citations.length)}`);
    else if (state === "stopped") announce(say.stopped);
  };
  const begin = () => {
    startAnew();
    navigate("/");
    field.current?.focus();
  };
  return (
    <div class="dock">
      {hasBegun && (
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

/** Enter sends, with the shift key it begins a line; while an input method composes a word it does neither. */
function submitOnEnter(event: KeyboardEvent & { currentTarget: HTMLTextAreaElement }): void {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  event.currentTarget.form?.requestSubmit();
}
