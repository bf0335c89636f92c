import { expect, test, vi } from "vitest";
import type { Job } from "./bodies.ts";
import { files, sendAll, takeFiles } from "./outbox.ts";
import type { Upload } from "./upload.ts";

const sent: Upload[] = [];
let arrive: (job: Job) => void = () => {};

vi.mock("./upload.ts", () => ({
  newKey: () => "key",
  send: (upload: Upload) => {
    sent.push(upload);
    return new Promise<Job>((resolve) => {
      arrive = resolve;
    });
  },
}));

const names = (some: readonly File[]) => some.map(({ name }) => name);

test("what is chosen while an upload is sent stays for the next one", async () => {
  takeFiles([new File(["one"], "one.md"), new File(["two"], "two.md")]);
  const first = sendAll();
  takeFiles([new File(["three"], "three.md"), new File(["two, mended"], "two.md")]);
  arrive({ id: "job" } as Job);
  await first;
  expect(names(sent[0]?.files ?? [])).toEqual(["one.md", "two.md"]);
  expect(names(files.value)).toEqual(["two.md", "three.md"]);
  expect(await files.value[0]?.text()).toBe("two, mended");
});
