import { expect, test } from "vitest";
import { problemOf } from "./problem.ts";

test.each([
  ["30", 30],
  ["Wed, 21 Oct 2026 07:28:00 GMT", null],
  [null, null],
])("after how many seconds to come again is taken from %s", async (header, seconds) => {
  const headers: HeadersInit = header === null ? {} : { "retry-after": header };
  const problem = await problemOf(new Response(null, { status: 429, headers }));
  expect([problem.status, problem.retrySeconds]).toEqual([429, seconds]);
});
