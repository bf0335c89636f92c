import type { RefObject } from "preact";
import { useId } from "preact/hooks";
import type { Answer } from "../api/bodies.ts";
import { AnswerFlags } from "../ask/AnswerFlags.tsx";
import { AnswerText } from "../ask/AnswerText.tsx";
import type { Exchange } from "../ask/exchange.ts";
import { SourceList } from "../ask/SourceList.tsx";
import { useStrings } from "../language/language.ts";
import { ProblemNotice } from "../widgets/Notice.tsx";
import { Waiting } from "../widgets/Waiting.tsx";
import { strings } from "./strings.ts";
import type { Variant } from "./verdicts.ts";

interface SideProps {
  place: string;
  /** Null while it is kept back. */
  variant: Variant | null;
  exchange: Exchange;
  isPreferred: boolean;
  textBox: RefObject<HTMLDivElement | null>;
}

/** One of the two answers, as far as it is written. */
export function Side({ place, variant, exchange, isPreferred, textBox }: SideProps) {
  const say = useStrings(strings);
  const titleId = useId();
  const { answer, problem, state } = exchange;
  return (
    <article class={isPreferred ? "side card preferred" : "side card"} aria-labelledby={titleId}>
      <h3 id={titleId} class="side-title">
        {place}
        {variant && <VariantName variant={variant} />}
      </h3>
      {(state === "searching" || state === "reading") && <Waiting>{say.searching}</Waiting>}
      {answer && <AnswerFlags answer={answer} />}
      <div ref={textBox}>{exchange.text !== "" && <AnswerText exchange={exchange} />}</div>
      {answer && variant && <Cost answer={answer} />}
      {answer && <SourceList answer={answer} />}
      {state === "stopped" && <p class="cost">{say.stopped}</p>}
      {problem && <ProblemNotice problem={problem} />}
    </article>
  );
}

/** How a variant is called. */
export function VariantName({ variant }: { variant: Variant }) {
  const say = useStrings(strings);
  return (
    <span class="variant-name">
      {variant.release ?? say.served} · {variant.collection}
    </span>
  );
}

/** How long an answer took, and what it cost the generator. */
function Cost({ answer }: { answer: Answer }) {
  const say = useStrings(strings);
  const { total, first_token: first } = answer.timings_ms;
  const { prompt_tokens: read, completion_tokens: written } = answer.usage;
  const facts = [
    total !== undefined && say.took((total / 1000).toFixed(1)),
    first !== undefined && say.firstWords((first / 1000).toFixed(1)),
    say.tokens(read, written),
    answer.release,
  ];
  return <p class="cost">{facts.filter(Boolean).join(" · ")}</p>;
}
