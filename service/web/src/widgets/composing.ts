// Keys that an input method takes, as it does to write Chinese.

/** Whether an input method composes a word with the key. Safari has ended the word by then, and says 229. */
export function isComposing({ isComposing, keyCode }: KeyboardEvent): boolean {
  return isComposing || keyCode === 229;
}
