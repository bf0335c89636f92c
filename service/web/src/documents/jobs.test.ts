import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Problem } from "../api/problem.ts";
import { chosenCollection } from "../collection/chosen.ts";
import type { Job, Jobs } from "./bodies.ts";
import { follow, jobs, jobsProblem, resetJobs, stopWatching } from "./jobs.ts";

const { getJson } = vi.hoisted(() => ({ getJson: vi.fn() }));

vi.mock("../api/client.ts", () => ({ getJson, withQuery: (path: string) => path }));
vi.mock("../language/language.ts", () => ({ language: { value: "en" } }));
vi.mock("./listing.ts", () => ({ reload: vi.fn() }));
vi.mock("./snapshots.ts", () => ({ loadSnapshots: vi.fn() }));

vi.stubGlobal("window", globalThis);

const RUNNING = { id: "one", collection: "default", state: "running" } as Job;
const looks = () => getJson.mock.calls.length;
const wait = (seconds: number) => vi.advanceTimersByTimeAsync(seconds * 1000);

beforeEach(() => {
  vi.useFakeTimers();
  getJson.mockReset().mockResolvedValue({ jobs: [RUNNING] } as Jobs);
  chosenCollection.value = "default";
});
afterEach(() => {
  stopWatching();
  vi.useRealTimers();
});

test.each([
  ["overloaded", 429],
  ["unknown", 502],
  ["network", null],
])("after %s (%s) the jobs are looked at again, and less and less often", async (code, status) => {
  await resetJobs();
  getJson.mockRejectedValue(new Problem(code, "later", status));
  await wait(1);
  expect(jobsProblem.value?.code).toBe(code);
  const after = looks();
  await wait(3);
  expect(looks()).toBe(after + 2);
  await wait(60);
  expect(looks() - after).toBeLessThanOrEqual(10);
  getJson.mockResolvedValue({ jobs: [RUNNING] } as Jobs);
  await wait(10);
  expect(jobsProblem.value).toBeNull();
  expect(jobs.value).toEqual([RUNNING]);
});

test("the server's wish to be left alone so long is respected", async () => {
  getJson.mockRejectedValueOnce(new Problem("rate_exceeded", "later", 429, 30));
  await resetJobs();
  await wait(29);
  expect(looks()).toBe(1);
  await wait(1);
  expect(looks()).toBe(2);
});

test.each([401, 403, 404])("what will stay refused is not asked again (%s)", async (status) => {
  getJson.mockRejectedValue(new Problem("forbidden", "no", status));
  await resetJobs();
  await wait(60);
  expect(looks()).toBe(1);
});

test("a look that ends after its view was left changes nothing, and nothing is looked at then", async () => {
  let answer: (found: Jobs) => void = () => {};
  getJson.mockReturnValueOnce(new Promise((resolve) => (answer = resolve)));
  const looking = resetJobs();
  stopWatching();
  answer({ jobs: [RUNNING] } as Jobs);
  await looking;
  await follow(RUNNING);
  await wait(60);
  expect(jobs.value).toBeNull();
  expect(looks()).toBe(1);
});

test("a job of another collection than is shown is not put among its jobs", async () => {
  await resetJobs();
  getJson.mockReturnValue(new Promise(() => {}));
  void follow({ ...RUNNING, id: "two", collection: "staff" });
  expect(jobs.value).toEqual([RUNNING]);
});
