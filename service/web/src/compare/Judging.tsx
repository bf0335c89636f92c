import { useState } from "preact/hooks";
import { asProblem, type Problem } from "../api/problem.ts";
import { useStrings } from "../language/language.ts";
import { Button } from "../widgets/Button.tsx";
import { ProblemNotice } from "../widgets/Notice.tsx";
import { type Comparison, judge } from "./comparison.ts";
import { strings } from "./strings.ts";
import type { Better } from "./verdicts.ts";

/** Which answer is better. */
export function Judging({ comparison }: { comparison: Comparison }) {
  const say = useStrings(strings);
  const [sending, setSending] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const send = async (better: Better) => {
    setSending(true);
    try {
      await judge(comparison, better);
      setProblem(null);
    } catch (error) {
      setProblem(asProblem(error));
    } finally {
      setSending(false);
    }
  };
  const choices: [Better, string][] = [
    [0, say.leftBetter],
    [null, say.neither],
    [1, say.rightBetter],
  ];
  return (
    <div class="judging">
      {comparison.better === undefined && (
        <fieldset disabled={sending}>
          <legend>{say.which}</legend>
          {choices.map(([better, words]) => (
            <Button key={words} onClick={() => void send(better)}>
              {words}
            </Button>
          ))}
        </fieldset>
      )}
      <p role="status">{comparison.better !== undefined && say.judged}</p>
      {problem && <ProblemNotice problem={problem} />}
    </div>
  );
}
