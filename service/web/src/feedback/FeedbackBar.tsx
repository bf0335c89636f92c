import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import type { Answer, Verdict } from "../api/bodies.ts";
import { useStrings } from "../language/language.ts";
import { Button, IconButton } from "../widgets/Button.tsx";
import { CorrectionForm } from "./CorrectionForm.tsx";
import { earlierVerdict, useJudge } from "./judgement.ts";
import { OutcomeNote } from "./OutcomeNote.tsx";
import { strings } from "./strings.ts";
import "./feedback.css";

interface FeedbackBarProps {
  answer: Answer;
  /** What else can be done with the answer. */
  children?: ComponentChildren;
}

/** Thumbs and a correction; a thumb down asks what would have been right. */
export function FeedbackBar({ answer, children }: FeedbackBarProps) {
  const say = useStrings(strings);
  const [verdict, setVerdict] = useState(() => earlierVerdict(answer));
  const [isCorrecting, setCorrecting] = useState(false);
  const [judge, outcome] = useJudge(answer);
  const thumb = async (given: Verdict) => {
    if (!(await judge({ verdict: given }))) return;
    setVerdict(given);
    setCorrecting(given === "down");
  };
  const correct = async (correction: string, comment: string) => {
    const said = { verdict: "down" as const, correction, comment: comment || null };
    if (!(await judge(said))) return;
    setVerdict("down");
    setCorrecting(false);
  };
  return (
    <div class="feedback">
      <div class="feedback-row">
        <IconButton icon="up" label={say.up} pressed={verdict === "up"} onClick={() => thumb("up")} />
        <IconButton icon="down" label={say.down} pressed={verdict === "down"} onClick={() => thumb("down")} />
        <Button kind="quiet" icon="pencil" onClick={() => setCorrecting(!isCorrecting)}>
          {say.correct}
        </Button>
        {children}
      </div>
      {isCorrecting && <CorrectionForm onSubmit={correct} onCancel={() => setCorrecting(false)} />}
      <OutcomeNote outcome={outcome} />
    </div>
  );
}
