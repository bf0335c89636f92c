import type { Answer, Citation, Passage } from "../api/bodies.ts";
import { CitationVerdict } from "../feedback/CitationVerdict.tsx";
import { useStrings } from "../language/language.ts";
import { openPassage } from "../source/opened.ts";
import { Place } from "../source/Place.tsx";
import { strings } from "./strings.ts";

/** The passages of an answer: first those that it cites, with their quotes, then the others. */
export function SourceList({ answer }: { answer: Answer }) {
  const say = useStrings(strings);
  const cited = new Set(answer.citations.map(({ marker }) => marker));
  const used = answer.passages.filter(({ marker }) => cited.has(marker));
  const others = answer.passages.filter(({ marker }) => !cited.has(marker));
  if (answer.passages.length === 0) return null;
  return (
    <div class="sources">
      {used.length > 0 && <h3 class="label">{say.sources}</h3>}
      {used.length > 0 && <Passages answer={answer} passages={used} />}
      {others.length > 0 && (
        <details>
          <summary class="label">
            {used.length > 0 ? say.alsoRead(others.length) : say.closest(others.length)}
          </summary>
          <Passages answer={answer} passages={others} />
        </details>
      )}
    </div>
  );
}

function Passages({ answer, passages }: { answer: Answer; passages: readonly Passage[] }) {
  return (
    <ol class="source-list">
      {passages.map((passage) => (
        <SourceRow
          key={passage.marker}
          answer={answer}
          passage={passage}
          citation={answer.citations.find(({ marker }) => marker === passage.marker) ?? null}
        />
      ))}
    </ol>
  );
}

interface SourceRowProps {
  answer: Answer;
  passage: Passage;
  citation: Citation | null;
}

function SourceRow({ answer, passage, citation }: SourceRowProps) {
  const say = useStrings(strings);
  return (
    <li class="source-row">
      <button
        type="button"
        class="source-link"
        onClick={() => openPassage(passage, citation, answer.collection)}
      >
        <span class="number">{passage.marker}</span>
        <span class="names">
          <span class="title">{passage.title}</span>
          <Place passage={passage} />
          {answer.suspicious.includes(passage.marker) && <span class="doubt">{say.suspiciousShort}</span>}
          {citation && <span class="quoted">“{citation.quote}”</span>}
        </span>
      </button>
      {citation && <CitationVerdict answer={answer} marker={passage.marker} title={passage.title} />}
    </li>
  );
}
