// Names of templates: short, the same on every node, different for different statements.
//
// White space says nothing, except within quotes and comments; a text with any of those is taken
// as it is.

const OFFSET = 0xcbf29ce484222325n;
const PRIME = 0x100000001b3n;

/** FNV-1a of 64 bits, in lower case letters and digits. */
export function templateId(...parts: readonly string[]): string {
  let hash = OFFSET;
  for (const byte of new TextEncoder().encode(parts.join('\0')))
    hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * PRIME);
  return hash.toString(36);
}

export function normalized(text: string): string {
  const isPlain = !/['"`[]|--|\/\*|\$\w*\$/.test(text);
  return isPlain ? text.trim().replace(/\s+/g, ' ') : text.trim();
}
