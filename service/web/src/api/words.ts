// Words for what went wrong.

import { useStrings } from "../language/language.ts";
import type { Problem } from "./problem.ts";
import { problems } from "./strings.ts";

/** Words for `problem`: the page's own where it has some for the code, else the server's. */
export function wordsFor(problem: Problem): string {
  return useStrings(problems)[problem.code] ?? problem.message;
}
