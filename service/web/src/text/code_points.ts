// Offsets: the server counts Unicode code points, JavaScript strings count UTF-16 units. The two differ after
// the first character outside the basic plane: an emoji, a rare ideograph.

/** Finds the UTF-16 index of each of some code point offsets of a text; those beyond its end give its length. */
export function utf16Indexes(text: string, offsets: Iterable<number>): (offset: number) => number {
  const found = new Map<number, number>();
  let index = 0;
  let count = 0;
  for (const offset of [...new Set(offsets)].sort((first, second) => first - second)) {
    while (count < offset && index < text.length) {
      index += isAstral(text, index) ? 2 : 1;
      count += 1;
    }
    found.set(offset, index);
  }
  return (offset) => found.get(offset) ?? text.length;
}

/** `index`, moved out of the middle of a surrogate pair. */
export function wholeIndex(text: string, index: number): number {
  const unit = text.charCodeAt(index);
  return unit >= 0xdc00 && unit <= 0xdfff ? index - 1 : index;
}

function isAstral(text: string, index: number): boolean {
  return (text.codePointAt(index) ?? 0) > 0xffff;
}
