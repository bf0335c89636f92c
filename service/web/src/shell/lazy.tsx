// Components whose code is fetched when they are first shown.

import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Problem } from "../api/problem.ts";
import { useStrings } from "../language/language.ts";
import { Button } from "../widgets/Button.tsx";
import { ProblemNotice } from "../widgets/Notice.tsx";
import { strings } from "./strings.ts";

type Loaded = { default: ComponentType };

/** The default export of what `load` imports, and nothing until it is there. */
export function lazy(load: () => Promise<Loaded>): ComponentType {
  let Component: ComponentType | null = null;
  return function Lazy() {
    const [, redraw] = useState(false);
    const [problem, setProblem] = useState<Problem | null>(null);
    useEffect(() => {
      if (Component !== null) return;
      load().then(
        (module) => {
          Component = module.default;
          redraw(true);
        },
        async (error: unknown) => setProblem(await whyNot(error)),
      );
    }, []);
    if (problem !== null) return <NotLoaded problem={problem} />;
    return Component && <Component />;
  };
}

function NotLoaded({ problem }: { problem: Problem }) {
  const say = useStrings(strings);
  return (
    <div class="view-column">
      <ProblemNotice problem={problem} />
      <div class="buttons">
        <Button onClick={() => window.location.reload()}>{say.reload}</Button>
      </div>
    </div>
  );
}

/** Why the code did not come. A server that lives and does not have it has the code of another release. */
async function whyNot(error: unknown): Promise<Problem> {
  const lives = await fetch("/healthz").then(
    ({ ok }) => ok,
    () => false,
  );
  return new Problem(lives ? "outdated" : "network", String(error));
}
