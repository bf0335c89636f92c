import { useEffect } from "preact/hooks";
import { useStrings } from "../language/language.ts";
import { address } from "../navigation/navigation.ts";
import { ProblemNotice } from "../widgets/Notice.tsx";
import { Waiting } from "../widgets/Waiting.tsx";
import { conversation, keptProblem, showKept, startAnew } from "./conversation.ts";
import { ExchangeCard } from "./ExchangeCard.tsx";
import { QuestionForm } from "./QuestionForm.tsx";
import { strings } from "./strings.ts";
import { Welcome } from "./Welcome.tsx";
import "./ask.css";

/** Questions and their answers; with `?answer=ID` an answer that was given earlier. */
export default function AskView() {
  const kept = address.value.searchParams.get("answer");
  useEffect(() => {
    if (kept !== null) void showKept(kept);
    else if (conversation.value.length === 0) startAnew(); // of what was to be opened nothing stays
  }, [kept]);
  return (
    <div class="ask-view">
      <div class="conversation">
        {conversation.value.length > 0 ? <Conversation /> : <Beginning kept={kept} />}
      </div>
      <QuestionForm />
    </div>
  );
}

function Conversation() {
  const say = useStrings(strings);
  return (
    <section class="exchanges" aria-label={say.conversation}>
      <h1 class="visually-hidden">{say.conversation}</h1>
      {conversation.value.map((exchange, number) => (
        <ExchangeCard key={number} exchange={exchange} />
      ))}
    </section>
  );
}

function Beginning({ kept }: { kept: string | null }) {
  const say = useStrings(strings);
  if (keptProblem.value) return <ProblemNotice problem={keptProblem.value} />;
  return kept === null ? <Welcome /> : <Waiting>{say.opening}</Waiting>;
}
