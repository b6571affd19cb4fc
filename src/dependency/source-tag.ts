// The tag of all that was read from one source: a tracker puts it on, and a gate serves what has it on a lease.

const PREFIX = 'tg-source:';

export function sourceTag(source: string): string {
  return PREFIX + source;
}

/** Returns undefined for any other tag. */
export function sourceOf(tag: string): string | undefined {
  return tag.startsWith(PREFIX) ? tag.slice(PREFIX.length) : undefined;
}
