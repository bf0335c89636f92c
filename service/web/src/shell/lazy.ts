// Components whose code is fetched when they are first shown.

import { type ComponentType, h } from "preact";
import { useEffect, useState } from "preact/hooks";
import { asProblem, type Problem } from "../api/problem.ts";
import { ProblemNotice } from "../widgets/Notice.tsx";

type Loaded = { default: ComponentType };

/** The default export of what `load` imports, and nothing until it is there. */
export function lazy(load: () => Promise<Loaded>): ComponentType {
  let loaded: ComponentType | null = null;
  return function Lazy() {
    const [, redraw] = useState(false);
    const [problem, setProblem] = useState<Problem | null>(null);
    useEffect(() => {
      if (loaded !== null) return;
      load().then(
        (module) => {
          loaded = module.default;
          redraw(true);
        },
        (error: unknown) => setProblem(asProblem(error)),
      );
    }, []);
    if (problem !== null) return h(ProblemNotice, { problem });
    return loaded === null ? null : h(loaded, {});
  };
}
