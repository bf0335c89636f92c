import type { Answer, Verdict } from "../api/bodies.ts";
import { wordsFor } from "../api/words.ts";
import { useStrings } from "../language/language.ts";
import { IconButton } from "../widgets/Button.tsx";
import { useJudge } from "./judgement.ts";
import { changeOpinion, citationVerdictOf, opinionOf } from "./opinion.ts";
import { strings } from "./strings.ts";
import "./feedback.css";

interface CitationVerdictProps {
  answer: Answer;
  marker: number;
  title: string;
}

/** Says of one citation whether its passage bears the answer out. */
export function CitationVerdict({ answer, marker, title }: CitationVerdictProps) {
  const say = useStrings(strings);
  const verdict = citationVerdictOf(answer, marker);
  const [judge, outcome] = useJudge(answer);
  const give = async (given: Verdict) => {
    if (!(await judge({ citations: [{ marker, verdict: given }] }))) return;
    changeOpinion(answer, { citations: { ...opinionOf(answer).citations, [marker]: given } });
  };
  return (
    <span class="citation-verdict">
      <IconButton
        icon="check"
        label={say.citationRight(marker, title)}
        pressed={verdict === "up"}
        onClick={() => give("up")}
      />
      <IconButton
        icon="close"
        label={say.citationWrong(marker, title)}
        pressed={verdict === "down"}
        onClick={() => give("down")}
      />
      {outcome !== null && outcome !== "kept" && (
        <span class="outcome failed" role="alert">
          {wordsFor(outcome)}
        </span>
      )}
    </span>
  );
}
