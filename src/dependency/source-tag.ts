// The tag of all entries read from one source: a tracker sets it, and a gate serves entries that have it on a lease.

const PREFIX = 'tg-source:';

export function sourceTag(source: string): string {
  return PREFIX + source;
}

/** Returns undefined for any other tag. */
export function sourceOf(tag: string): string | undefined {
  return tag.startsWith(PREFIX) ? tag.slice(PREFIX.length) : undefined;
}
