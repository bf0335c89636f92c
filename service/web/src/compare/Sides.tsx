import { useEffect, useRef, useState } from "preact/hooks";
import { useStrings } from "../language/language.ts";
import { type Comparison, isWhole } from "./comparison.ts";
import { Judging } from "./Judging.tsx";
import { markDifferences, unmarkDifferences } from "./marking.ts";
import { Side } from "./Side.tsx";
import { strings } from "./strings.ts";

/** Both answers side by side; once they are whole, what differs is marked, and they can be judged. */
export function Sides({ comparison }: { comparison: Comparison }) {
  const say = useStrings(strings);
  const [left, right] = [useRef<HTMLDivElement>(null), useRef<HTMLDivElement>(null)];
  const [marked, setMarked] = useState<number | null>(null);
  const whole = isWhole(comparison);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the elements are there as long as this is
  useEffect(() => {
    if (!whole || !left.current || !right.current) return;
    setMarked(markDifferences(left.current, right.current));
    return () => {
      unmarkDifferences();
      setMarked(null);
    };
  }, [whole]);
  const isTold = !comparison.blind || comparison.better !== undefined;
  return (
    <section class="comparison" aria-label={say.answers}>
      <h2 class="compared-question">{comparison.exchanges[0].question}</h2>
      <div class="sides">
        {([0, 1] as const).map((side) => (
          <Side
            key={side}
            place={side === 0 ? say.left : say.right}
            variant={isTold ? comparison.variants[side] : null}
            exchange={comparison.exchanges[side]}
            isPreferred={comparison.better === side}
            textBox={side === 0 ? left : right}
          />
        ))}
      </div>
      {marked !== null && <p class="cost">{say.differ(marked)}</p>}
      {whole && <Judging comparison={comparison} />}
    </section>
  );
}
