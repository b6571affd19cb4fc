// Own properties that are not enumerable: rows of libSQL hold their values by position in such properties.

export function withHidden<T extends object>(target: T, hidden: Readonly<Record<string, unknown>>): T {
  for (const [name, value] of Object.entries(hidden)) {
    Object.defineProperty(target, name, { value, enumerable: false, writable: true, configurable: true });
  }
  return target;
}

/** `listed`: the enumerable names. */
export function hiddenNames(value: object, listed: readonly string[]): readonly string[] {
  const all = Object.getOwnPropertyNames(value);
  if (all.length === listed.length) return NONE;
  const known = new Set(listed);
  return all.filter((name) => !known.has(name));
}

const NONE: readonly string[] = [];
