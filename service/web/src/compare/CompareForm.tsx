import { useEffect, useId, useState } from "preact/hooks";
import { asProblem, type Problem } from "../api/problem.ts";
import { chosenCollection } from "../collection/chosen.ts";
import { useStrings } from "../language/language.ts";
import { announce } from "../widgets/announce.ts";
import { Button } from "../widgets/Button.tsx";
import { Notice, ProblemNotice } from "../widgets/Notice.tsx";
import { compare, comparison, isComparing, isWhole, stopComparing } from "./comparison.ts";
import { releaseNames } from "./releases.ts";
import { strings } from "./strings.ts";
import { VariantChooser } from "./VariantChooser.tsx";
import { isSame, type Variant } from "./verdicts.ts";

const MAX_CHARACTERS = 8000;

/** What the reader has chosen of a variant; an empty collection stands for the page's. */
const SERVED: Variant = { release: null, collection: "" };
const BASE: Variant = { release: "base", collection: "" };

/** Which two are compared, and by which question. */
export function CompareForm() {
  const say = useStrings(strings);
  const [releases, problem] = useReleases();
  const [question, setQuestion] = useState("");
  const [chosen, choose] = useState<readonly [Variant, Variant]>([SERVED, BASE]);
  const [blind, setBlind] = useState(false);
  const [first, second] = [inCollection(chosen[0]), inCollection(chosen[1])];
  const same = isSame(first, second);
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    if (isComparing.value) return stopComparing();
    if (same || !question.trim()) return;
    announce(say.searching);
    await compare(question.trim(), [first, second], blind);
    if (comparison.value && isWhole(comparison.value)) announce(say.complete);
  };
  return (
    <form class="compare-form" onSubmit={(event) => void submit(event)}>
      <QuestionField question={question} onWrite={setQuestion} />
      {problem && <ProblemNotice problem={problem} />}
      <div class="variants">
        <VariantChooser
          title={say.first}
          variant={first}
          releases={releases}
          onChoose={(variant) => choose([variant, chosen[1]])}
        />
        <VariantChooser
          title={say.second}
          variant={second}
          releases={releases}
          onChoose={(variant) => choose([chosen[0], variant])}
        />
      </div>
      {same && <Notice kind="info">{say.same}</Notice>}
      <div class="compare-row">
        <Button kind="primary" type="submit" disabled={!isComparing.value && (same || !question.trim())}>
          {isComparing.value ? say.stop : say.compare}
        </Button>
        <BlindChoice blind={blind} onChoose={setBlind} />
      </div>
    </form>
  );
}

interface QuestionFieldProps {
  question: string;
  onWrite: (question: string) => void;
}

function QuestionField({ question, onWrite }: QuestionFieldProps) {
  const say = useStrings(strings);
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{say.question}</label>
      <textarea
        id={id}
        rows={2}
        maxlength={MAX_CHARACTERS}
        value={question}
        onInput={(event) => onWrite(event.currentTarget.value)}
      />
    </div>
  );
}

interface BlindChoiceProps {
  blind: boolean;
  onChoose: (blind: boolean) => void;
}

function BlindChoice({ blind, onChoose }: BlindChoiceProps) {
  const say = useStrings(strings);
  const id = useId();
  return (
    <label class="blind" for={id}>
      <input
        id={id}
        type="checkbox"
        checked={blind}
        onChange={(event) => onChoose(event.currentTarget.checked)}
      />
      {say.blind}
    </label>
  );
}

/** What is chosen, with the page's collection where none is. */
function inCollection({ release, collection }: Variant): Variant {
  return { release, collection: collection || chosenCollection.value };
}

function useReleases(): [readonly string[], Problem | null] {
  const [releases, setReleases] = useState<readonly string[]>(["base"]);
  const [problem, setProblem] = useState<Problem | null>(null);
  useEffect(() => {
    releaseNames().then(setReleases, (error: unknown) => setProblem(asProblem(error)));
  }, []);
  return [releases, problem];
}
