// The cache's own copies of texts: a text cut from a longer one keeps the longer one in memory, and JavaScript does
// not show which texts were cut. So every text that may have been cut is copied.

/** V8 copies cuts and joins that are shorter than this. */
const SHORTEST_PART = 13;

/** Characters that take more than one byte. */
const WIDE = /[^\0-\xff]/;

/** Whether the text is too short to be a slice of another. */
export function isWhole(text: string): boolean {
  return text.length < SHORTEST_PART;
}

/** A copy that holds only its own characters, in one byte each where possible. */
export function ownText(text: string): string {
  if (isWhole(text)) return text;
  // A slice of a text with a wide character takes two bytes a character; base64 makes V8 choose the width again.
  return isWide(text) ? ` ${text}`.slice(1) : atob(btoa(text));
}

/** Returns the list itself where there is nothing to copy. */
export function ownTexts(texts: readonly string[]): readonly string[] {
  return texts.every(isWhole) ? texts : texts.map(ownText);
}

function isWide(text: string): boolean {
  return WIDE.test(text);
}

/** Header of a text, and of a slice of another. */
const HEADER_BYTES = 16;
const PART_BYTES = 32;

/** Memory that a text from `ownText` takes. */
export function textBytes(text: string): number {
  const { length } = text;
  // V8 keeps one copy of each single character.
  if (length < 2) return 0;
  if (!isWide(text)) return padded(HEADER_BYTES + length);
  return length < SHORTEST_PART
    ? padded(HEADER_BYTES + 2 * length)
    : PART_BYTES + padded(HEADER_BYTES + 2 * length + 2);
}

/** V8 allocates memory in words. */
function padded(bytes: number): number {
  return Math.ceil(bytes / 8) * 8;
}
