import type { Citation, Passage, Sentence } from "../api/bodies.ts";
import { useStrings } from "../language/language.ts";
import { openPassage } from "../source/opened.ts";
import type { Exchange } from "./exchange.ts";
import { isUnderWay } from "./exchange.ts";
import { type Run, runsOf } from "./pieces.ts";
import { strings } from "./strings.ts";

const NONE: readonly Sentence[] = [];

/** The text of an answer, as far as it is written, with the numbers of its citations. */
export function AnswerText({ exchange }: { exchange: Exchange }) {
  const { text, citations, passages, answer } = exchange;
  const byMarker = new Map(passages.map((passage) => [passage.marker, passage]));
  const sentences = answer !== null && !answer.abstained ? answer.sentences : NONE;
  const runs = runsOf({ text, citations, sentences, markers: new Set(byMarker.keys()) });
  return (
    <div class="text" lang={answer?.language} aria-busy={isUnderWay(exchange)}>
      {runs.map((run, number) => (
        <RunText key={number} run={run} passages={byMarker} collection={exchange.collection} />
      ))}
    </div>
  );
}

interface RunProps {
  run: Run;
  passages: ReadonlyMap<number, Passage>;
  collection: string;
}

function RunText({ run, passages, collection }: RunProps) {
  const say = useStrings(strings);
  const pieces = run.pieces.map((piece, number) => {
    if ("text" in piece) return piece.text;
    const passage = passages.get(piece.marker);
    if (passage === undefined) return null;
    return <Cite key={number} passage={passage} citation={piece.citation} collection={collection} />;
  });
  if (run.supported !== false) return <span>{pieces}</span>;
  return (
    <span class="unsupported" title={say.unsupported}>
      {pieces}
      <span class="visually-hidden"> {say.unsupported} </span>
    </span>
  );
}

interface CiteProps {
  passage: Passage;
  citation: Citation | null;
  collection: string;
}

/** The number of a citation; it opens the source at the words that are quoted. */
function Cite({ passage, citation, collection }: CiteProps) {
  const say = useStrings(strings);
  const kind = citation === null ? "pending" : citation.supported ? "sure" : "unsure";
  const label = say.citeLabel(passage.marker, passage.title);
  return (
    <button
      type="button"
      class={`cite ${kind}`}
      aria-label={kind === "unsure" ? `${label} ${say.citeUnsupported}` : label}
      title={citation?.quote ?? passage.title}
      onClick={() => openPassage(passage, citation, collection)}
    >
      {passage.marker}
    </button>
  );
}
