import { signal } from "@preact/signals";
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

/** What the reader wrote and chose; it outlives the view. */
const question = signal("");
const chosen = signal<readonly [Variant, Variant]>([SERVED, BASE]);
const blind = signal(false);

/** Which two are compared, and by which question. */
export function CompareForm() {
  const say = useStrings(strings);
  const [releases, problem] = useReleases();
  const [first, second] = [inCollection(chosen.value[0]), inCollection(chosen.value[1])];
  const same = isSame(first, second);
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    if (isComparing.value) return stopComparing();
    const asked = question.value.trim();
    if (same || !asked) return;
    announce(say.searching);
    await compare(asked, [first, second], blind.value);
    if (comparison.value && isWhole(comparison.value)) announce(say.complete);
  };
  return (
    <form class="compare-form" onSubmit={(event) => void submit(event)}>
      <QuestionField />
      {problem && <ProblemNotice problem={problem} />}
      <div class="variants">
        <VariantChooser
          title={say.first}
          variant={first}
          releases={releases}
          onChoose={(variant) => {
            chosen.value = [variant, chosen.value[1]];
          }}
        />
        <VariantChooser
          title={say.second}
          variant={second}
          releases={releases}
          onChoose={(variant) => {
            chosen.value = [chosen.value[0], variant];
          }}
        />
      </div>
      {same && <Notice kind="info">{say.same}</Notice>}
      <div class="compare-row">
        <Button
          kind="primary"
          type="submit"
          disabled={!isComparing.value && (same || !question.value.trim())}
        >
          {isComparing.value ? say.stop : say.compare}
        </Button>
        <BlindChoice />
      </div>
    </form>
  );
}

function QuestionField() {
  const say = useStrings(strings);
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{say.question}</label>
      <textarea
        id={id}
        rows={2}
        maxlength={MAX_CHARACTERS}
        value={question.value}
        onInput={(event) => {
          question.value = event.currentTarget.value;
        }}
      />
    </div>
  );
}

function BlindChoice() {
  const say = useStrings(strings);
  const id = useId();
  return (
    <label class="blind" for={id}>
      <input
        id={id}
        type="checkbox"
        checked={blind.value}
        onChange={(event) => {
          blind.value = event.currentTarget.checked;
        }}
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
