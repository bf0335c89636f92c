import { useEffect, useRef } from "preact/hooks";
import { useStrings } from "../language/language.ts";
import { ProblemNotice } from "../widgets/Notice.tsx";
import { Waiting } from "../widgets/Waiting.tsx";
import { AnswerFlags } from "./AnswerFlags.tsx";
import { AnswerFoot } from "./AnswerFoot.tsx";
import { AnswerText } from "./AnswerText.tsx";
import { type Exchange, isUnderWay } from "./exchange.ts";
import { SourceList } from "./SourceList.tsx";
import { strings } from "./strings.ts";

// How far an answer's end may lie below what is seen, in pixels, for the view to follow it as it grows.
const FOLLOWED = 160;

/** A question with its answer. */
export function ExchangeCard({ exchange }: { exchange: Exchange }) {
  const article = useRef<HTMLElement>(null);
  const { answer, state, text } = exchange;
  useEffect(() => article.current?.scrollIntoView({ block: "start" }), []);
  // biome-ignore lint/correctness/useExhaustiveDependencies: it follows the text as it grows
  useEffect(() => {
    if (isUnderWay(exchange)) follow(article.current);
  }, [text]);
  return (
    <article class={answer?.abstained ? "exchange abstained" : "exchange"} ref={article}>
      <h2 class="question">{exchange.question}</h2>
      <div class="card">
        <Progress exchange={exchange} />
        {answer && <AnswerFlags answer={answer} />}
        {answer?.standalone_question && <SearchedFor question={answer.standalone_question} />}
        {text !== "" && <AnswerText exchange={exchange} />}
        {answer && <SourceList answer={answer} />}
        {answer && <AnswerFoot answer={answer} />}
        {state === "stopped" && <Stopped />}
        {exchange.problem && <ProblemNotice problem={exchange.problem} />}
      </div>
    </article>
  );
}

function Progress({ exchange }: { exchange: Exchange }) {
  const say = useStrings(strings);
  if (exchange.state === "searching") return <Waiting>{say.searching}</Waiting>;
  if (exchange.state === "reading") return <Waiting>{say.reading(exchange.passages.length)}</Waiting>;
  return null;
}

/** What a follow-up was taken to mean. */
function SearchedFor({ question }: { question: string }) {
  const say = useStrings(strings);
  return (
    <p class="searched">
      <span class="label">{say.searchedFor}</span> {question}
    </p>
  );
}

function Stopped() {
  const say = useStrings(strings);
  return <p class="timing">{say.stopped}</p>;
}

/** Scroll with the answer as it grows, unless the reader has scrolled away from its end. */
function follow(article: HTMLElement | null): void {
  const view = article?.closest("main");
  if (!article || !view) return;
  const dock = view.querySelector(".dock")?.clientHeight ?? 0;
  const below = article.getBoundingClientRect().bottom - (view.getBoundingClientRect().bottom - dock);
  if (below > 0 && below < FOLLOWED) view.scrollTop += below + 16;
}
