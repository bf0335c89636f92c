import { useId } from "preact/hooks";
import { DataTable } from "../charts/DataTable.tsx";
import { language, useStrings } from "../language/language.ts";
import { scores } from "./comparison.ts";
import { VariantName } from "./Side.tsx";
import { strings } from "./strings.ts";
import { type Score, wilson } from "./verdicts.ts";

/** What was preferred in this session, and how sure that is. */
export function SessionTally() {
  const say = useStrings(strings);
  const titleId = useId();
  return (
    <section class="tally" aria-labelledby={titleId}>
      <h2 id={titleId}>{say.tally}</h2>
      {scores.value.length === 0 ? (
        <p class="cost">{say.noTally}</p>
      ) : (
        <>
          <DataTable
            caption={say.tally}
            captionHidden
            columns={say.tallyColumns}
            rows={scores.value.map((score) => [
              <VariantName variant={score.variants[0]} />,
              <VariantName variant={score.variants[1]} />,
              score.wins[0],
              score.wins[1],
              score.neither,
              shareOf(score),
            ])}
          />
          <p class="cost">{say.tallyNote}</p>
        </>
      )}
    </section>
  );
}

function shareOf({ wins: [first, second] }: Score): string {
  const decided = first + second;
  if (decided === 0) return "–";
  const { low, high } = wilson(first, decided);
  const percent = (share: number) =>
    new Intl.NumberFormat(language.value, { style: "percent" }).format(share);
  return strings[language.value].share(percent(first / decided), percent(low), percent(high));
}
