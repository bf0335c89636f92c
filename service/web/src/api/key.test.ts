import { expect, test, vi } from "vitest";

test("where the browser keeps nothing, a key holds until the page is loaded again", async () => {
  const refuses = () => {
    throw new DOMException("site data are blocked", "SecurityError");
  };
  vi.stubGlobal("sessionStorage", { getItem: refuses, setItem: refuses });
  const { currentKey, giveKey } = await import("./key.ts");
  expect(currentKey()).toBeNull();
  giveKey("secret");
  expect(currentKey()).toBe("secret");
});
