import { expect, test } from "vitest";
import type { ListedDocument } from "./bodies.ts";
import { ageOf, groupsOf, isUpload, matches, nameOf, sizeOf } from "./words.ts";

const document = (uri: string, acl?: string[]): ListedDocument => ({
  id: "1",
  uri,
  title: "Retrieval 检索",
  language: "en",
  pages: 0,
  chunks: 1,
  metadata: acl ? { acl } : {},
});

test("a document is called by its file's name", () => {
  expect(nameOf("upload:///%E6%8A%A5%E5%91%8A.md")).toBe("报告.md");
  expect(nameOf("file:///a/b.zip!/inner/c.pdf")).toBe("c.pdf");
  expect(nameOf("https://intranet/wiki/")).toBe("wiki/");
  expect(nameOf("file:///a/%FF.txt")).toBe("%FF.txt");
});

test("only whole uploads can be deleted", () => {
  expect(isUpload("upload:///a.zip")).toBe(true);
  expect(isUpload("upload:///a.zip!/b.md")).toBe(false);
  expect(isUpload("file:///a.md")).toBe(false);
});

test("every word of a filter has to be in the name or the title", () => {
  const held = document("upload:///Fusion%20guide.md");
  expect(matches(held, "")).toBe(true);
  expect(matches(held, "GUIDE 检索")).toBe(true);
  expect(matches(held, "guide missing")).toBe(false);
});

test("the access list is told as it is kept", () => {
  expect(groupsOf(document("a"))).toEqual([]);
  expect(groupsOf(document("a", ["hr", "it"]))).toEqual(["hr", "it"]);
});

test("sizes and ages are told in the largest whole unit", () => {
  expect(sizeOf(0, "en")).toBe("0 byte");
  expect(sizeOf(999, "en")).toBe("999 byte");
  expect(sizeOf(1_250_000, "en")).toBe("1.3 MB");
  const now = Date.parse("2026-01-02T00:00:00Z");
  expect(ageOf("2026-01-01T23:59:30Z", "en", now)).toBe("now");
  expect(ageOf("2026-01-01T23:00:01Z", "en", now)).toBe("59 minutes ago");
  expect(ageOf("2025-12-30T23:00:00Z", "zh", now)).toBe("前天");
  expect(ageOf("2026-01-02T00:00:09Z", "en", now)).toBe("now");
});
