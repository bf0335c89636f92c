import type { ComponentChildren } from "preact";
import type { Answer } from "../api/bodies.ts";
import { useStrings } from "../language/language.ts";
import { Icon, type IconName } from "../widgets/Icon.tsx";
import { strings } from "./strings.ts";

/** What is to be known of an answer before it is believed, in words. */
export function AnswerFlags({ answer }: { answer: Answer }) {
  const say = useStrings(strings);
  const reason = answer.degraded && say.reasons[answer.degraded];
  const isChecked = !answer.abstained && !answer.degraded;
  return (
    <div class="flags">
      {answer.abstained && (
        <Flag kind="quiet" icon="info">
          {say.abstained}
        </Flag>
      )}
      {answer.degraded && (
        <Flag kind="warn" icon="quote">
          {say.degraded}
        </Flag>
      )}
      {isChecked && <Groundedness share={answer.groundedness} />}
      {answer.cache && (
        <Flag kind="quiet" icon="clock">
          {say.caches[answer.cache] ?? answer.cache}
        </Flag>
      )}
      {answer.suspicious.length > 0 && (
        <Flag kind="warn" icon="warning">
          {say.suspicious}
        </Flag>
      )}
      {reason && <p class="why">{reason}</p>}
      {answer.matched_question && <p class="why">{say.givenTo(answer.matched_question)}</p>}
      {answer.suspicious.length > 0 && <p class="why">{say.suspiciousWhy(answer.suspicious.join(", "))}</p>}
    </div>
  );
}

function Groundedness({ share }: { share: number }) {
  const say = useStrings(strings);
  const percent = Math.floor(share * 100);
  if (percent === 100) {
    return (
      <Flag kind="good" icon="check">
        {say.grounded}
      </Flag>
    );
  }
  return (
    <Flag kind="warn" icon="warning">
      {percent === 0 ? say.ungrounded : say.partly(percent)}
    </Flag>
  );
}

interface FlagProps {
  kind: "good" | "warn" | "quiet";
  icon: IconName;
  children: ComponentChildren;
}

function Flag({ kind, icon, children }: FlagProps) {
  return (
    <span class={`flag ${kind}`}>
      <Icon name={icon} />
      {children}
    </span>
  );
}
