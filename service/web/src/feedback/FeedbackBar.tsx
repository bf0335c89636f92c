import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { Answer, Verdict } from "../api/bodies.ts";
import { useStrings } from "../language/language.ts";
import { Button, IconButton } from "../widgets/Button.tsx";
import { CorrectionForm } from "./CorrectionForm.tsx";
import { useJudge } from "./judgement.ts";
import { OutcomeNote } from "./OutcomeNote.tsx";
import { changeOpinion, opinionOf, verdictOf } from "./opinion.ts";
import { strings } from "./strings.ts";
import "./feedback.css";

const NOTHING_WRITTEN = { isCorrecting: false, correction: "", comment: "" };

interface FeedbackBarProps {
  answer: Answer;
  /** What else can be done with the answer. */
  children?: ComponentChildren;
}

/** Thumbs and a correction; a thumb down asks what would have been right. */
export function FeedbackBar({ answer, children }: FeedbackBarProps) {
  const say = useStrings(strings);
  const verdict = verdictOf(answer);
  const { isCorrecting, correction, comment } = opinionOf(answer);
  const [judge, outcome] = useJudge(answer);
  const wasShown = useRef(false);
  useEffect(() => {
    wasShown.current = true;
  }, []);
  const thumb = async (given: Verdict) => {
    if (!(await judge({ verdict: given }))) return;
    changeOpinion(answer, { verdict: given, isCorrecting: given === "down" });
  };
  const correct = async () => {
    if (!(await judge({ verdict: "down", correction, comment: comment || null }))) return;
    changeOpinion(answer, { verdict: "down", ...NOTHING_WRITTEN });
  };
  return (
    <div class="feedback">
      <div class="feedback-row">
        <IconButton icon="up" label={say.up} pressed={verdict === "up"} onClick={() => thumb("up")} />
        <IconButton icon="down" label={say.down} pressed={verdict === "down"} onClick={() => thumb("down")} />
        <Button
          kind="quiet"
          icon="pencil"
          onClick={() => changeOpinion(answer, { isCorrecting: !isCorrecting })}
        >
          {say.correct}
        </Button>
        {children}
      </div>
      {isCorrecting && (
        <CorrectionForm
          // One that was left open is shown again where the reader looks for something else.
          takesFocus={wasShown.current}
          written={{ correction, comment }}
          onWrite={(written) => changeOpinion(answer, written)}
          onSubmit={() => void correct()}
          onCancel={() => changeOpinion(answer, NOTHING_WRITTEN)}
        />
      )}
      <OutcomeNote outcome={outcome} />
    </div>
  );
}
