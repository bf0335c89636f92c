import { useEffect } from "preact/hooks";
import { useStrings } from "../language/language.ts";
import { CompareForm } from "./CompareForm.tsx";
import { comparison, stopComparing } from "./comparison.ts";
import { SessionTally } from "./SessionTally.tsx";
import { Sides } from "./Sides.tsx";
import { strings } from "./strings.ts";
import "../ask/ask.css";
import "./compare.css";

/** One question, answered by two releases or from two collections. */
export default function CompareView() {
  const say = useStrings(strings);
  useEffect(() => stopComparing, []);
  return (
    <div class="view-column compare">
      <header>
        <h1 class="view-title">{say.title}</h1>
        <p class="compare-intro">{say.intro}</p>
      </header>
      <CompareForm />
      {comparison.value && <Sides comparison={comparison.value} />}
      <SessionTally />
    </div>
  );
}
