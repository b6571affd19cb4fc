// Texts of the cache's own: a text that was cut from a longer one keeps all of that in memory, and JavaScript does not show
// which texts were. So all that may have been cut are copied.

/** V8 copies what is cut shorter than this, and joins what is joined shorter. */
const SHORTEST_PART = 13;

/** Takes more than one byte a character. */
const WIDE = /[^\0-\xff]/;

/** True: too short to be a part of another. */
export function isWhole(text: string): boolean {
  return text.length < SHORTEST_PART;
}

/** A copy that holds nothing but its own characters, in one byte each where that is enough. */
export function ownText(text: string): string {
  if (isWhole(text)) return text;
  // A text of a longer one with a wide character has two bytes for each of its own; base64 has them counted anew.
  return isWide(text) ? ` ${text}`.slice(1) : atob(btoa(text));
}

/** The same list where there is nothing to copy. */
export function ownTexts(texts: readonly string[]): readonly string[] {
  return texts.every(isWhole) ? texts : texts.map(ownText);
}

function isWide(text: string): boolean {
  return WIDE.test(text);
}

/** Header of a text, and of a text that is a part of another. */
const HEADER_BYTES = 16;
const PART_BYTES = 32;

/** In memory, of what `ownText` gives. */
export function textBytes(text: string): number {
  const { length } = text;
  // There is one of each character.
  if (length < 2) return 0;
  if (!isWide(text)) return padded(HEADER_BYTES + length);
  return length < SHORTEST_PART
    ? padded(HEADER_BYTES + 2 * length)
    : PART_BYTES + padded(HEADER_BYTES + 2 * length + 2);
}

/** V8 gives memory in words. */
function padded(bytes: number): number {
  return Math.ceil(bytes / 8) * 8;
}
