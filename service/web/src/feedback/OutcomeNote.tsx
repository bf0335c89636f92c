import { wordsFor } from "../api/words.ts";
import { useStrings } from "../language/language.ts";
import type { Outcome } from "./judgement.ts";
import { strings } from "./strings.ts";

/** Thanks for a judgement, or why it was not kept. */
export function OutcomeNote({ outcome }: { outcome: Outcome }) {
  const say = useStrings(strings);
  const failed = outcome !== null && outcome !== "kept";
  return (
    <p class={failed ? "outcome failed" : "outcome"} role="status">
      {failed ? wordsFor(outcome) : outcome && say.thanks}
    </p>
  );
}
