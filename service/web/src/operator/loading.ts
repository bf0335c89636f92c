// What the server tells, read when it is first shown and again now and then.

import { useEffect, useState } from "preact/hooks";
import { getJson } from "../api/client.ts";
import { asProblem, type Problem } from "../api/problem.ts";
import type { Readiness } from "./bodies.ts";

const AGAIN_MILLISECONDS = 30_000;

export interface Loaded<Body> {
  /** The last that was read; null before. */
  body: Body | null;
  /** What went wrong when it was last read. */
  problem: Problem | null;
}

/** The JSON at `path`, never older than half a minute while the page is looked at. */
export function useJson<Body>(path: string): Loaded<Body> {
  return useRead(path, (signal) => getJson<Body>(path, signal));
}

/** The server's readiness. A server that is not ready says so with an error status, and the reasons. */
export function useReadiness(): Loaded<Readiness> {
  return useRead(
    "/readyz",
    async (signal) => (await fetch("/readyz", { signal })).json() as Promise<Readiness>,
  );
}

function useRead<Body>(path: string, read: (signal: AbortSignal) => Promise<Body>): Loaded<Body> {
  const [loaded, setLoaded] = useState<Loaded<Body>>({ body: null, problem: null });
  // biome-ignore lint/correctness/useExhaustiveDependencies: `read` is another function each time, of the same path
  useEffect(() => {
    const leaving = new AbortController();
    const look = async () => {
      if (document.hidden) return;
      try {
        const body = await read(leaving.signal);
        if (!leaving.signal.aborted) setLoaded({ body, problem: null });
      } catch (error) {
        if (!leaving.signal.aborted) setLoaded(({ body }) => ({ body, problem: asProblem(error) }));
      }
    };
    void look();
    const timer = window.setInterval(() => void look(), AGAIN_MILLISECONDS);
    return () => {
      leaving.abort();
      window.clearInterval(timer);
    };
  }, [path]);
  return loaded;
}
