import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";
import { useStrings } from "../language/language.ts";
import { ProblemNotice } from "../widgets/Notice.tsx";
import { Waiting } from "../widgets/Waiting.tsx";
import type { Loaded } from "./loading.ts";
import { strings } from "./strings.ts";

interface SectionProps<Body> {
  title: string;
  loaded: Loaded<Body>;
  children: (body: Body) => ComponentChildren;
}

/** A part of the view, which is there or not independently of the others. */
export function Section<Body>({ title, loaded, children }: SectionProps<Body>) {
  const say = useStrings(strings);
  const titleId = useId();
  const { body, problem } = loaded;
  return (
    <section class="operator-card" aria-labelledby={titleId}>
      <h2 id={titleId}>{title}</h2>
      {problem && <ProblemNotice problem={problem} />}
      {body === null ? problem === null && <Waiting>{say.loading}</Waiting> : children(body)}
    </section>
  );
}
