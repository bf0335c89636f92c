import { expect, test, vi } from "vitest";
import { chosenCollection } from "../collection/chosen.ts";
import type { Snapshot } from "./bodies.ts";
import { loadSnapshots, snapshots } from "./snapshots.ts";

const { getJson } = vi.hoisted(() => ({ getJson: vi.fn() }));

vi.mock("../api/client.ts", () => ({ getJson, postJson: vi.fn(), withQuery: (path: string) => path }));

const snapshot = (id: string) => ({ id }) as Snapshot;

test("what arrives late of the collection chosen before is not shown in the place of the chosen one's", async () => {
  let arrive = (_found: { snapshots: Snapshot[] }) => {};
  getJson.mockReturnValueOnce(
    new Promise((resolve) => {
      arrive = resolve;
    }),
  );
  getJson.mockResolvedValueOnce({ snapshots: [snapshot("of the chosen")] });
  const before = loadSnapshots();
  chosenCollection.value = "another";
  await loadSnapshots();
  arrive({ snapshots: [snapshot("of the other")] });
  await before;
  expect(snapshots.value).toEqual([snapshot("of the chosen")]);
});
