import { useState } from "preact/hooks";
import type { Answer } from "../api/bodies.ts";
import { FeedbackBar } from "../feedback/FeedbackBar.tsx";
import { useStrings } from "../language/language.ts";
import { strings as sourceStrings } from "../source/strings.ts";
import { IconButton } from "../widgets/Button.tsx";
import { asPlainText } from "./copy.ts";
import { strings } from "./strings.ts";

/** What can be done with an answer, and how it was made. */
export function AnswerFoot({ answer }: { answer: Answer }) {
  return (
    <div class="foot" data-answer={answer.id}>
      <FeedbackBar answer={answer}>
        <CopyButtons answer={answer} />
      </FeedbackBar>
      <Making answer={answer} />
    </div>
  );
}

function CopyButtons({ answer }: { answer: Answer }) {
  const say = useStrings(strings);
  const { page } = useStrings(sourceStrings);
  const [outcome, setOutcome] = useState("");
  const copy = async (text: string) => {
    try {
      await navigator.clipboard.writeText(text);
      setOutcome(say.copied);
    } catch {
      setOutcome(say.copyFailed); // it is refused, or this is no secure context
    }
  };
  const link = `${window.location.origin}/?answer=${answer.id}`;
  return (
    <>
      <IconButton
        icon="copy"
        label={say.copy}
        onClick={() => copy(asPlainText(answer, { sources: say.sources, page }))}
      />
      <IconButton icon="link" label={say.link} onClick={() => copy(link)} />
      <span class="outcome" role="status">
        {outcome}
      </span>
    </>
  );
}

function Making({ answer }: { answer: Answer }) {
  const say = useStrings(strings);
  const { total, first_token: first } = answer.timings_ms;
  const facts = [
    total !== undefined && say.took(seconds(total)),
    first !== undefined && say.firstWords(seconds(first)),
    answer.generator,
    answer.release,
  ];
  return <p class="timing">{facts.filter(Boolean).join(" · ")}</p>;
}

function seconds(milliseconds: number): string {
  return (milliseconds / 1000).toFixed(1);
}
