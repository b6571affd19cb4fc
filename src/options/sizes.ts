// Sizes as operators write them.

export const SIZE = 'a number of bytes, or a number with a unit such as 50MB or 64MiB';

const UNIT_BYTES: Readonly<Record<string, number>> = {
  B: 1,
  ...{ kB: 1000, KB: 1000, MB: 1e6, GB: 1e9, TB: 1e12 },
  ...{ KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3, TiB: 1024 ** 4 },
};

/** In bytes, at least 1; undefined: it is no size. */
export function sizeOf(text: string): number | undefined {
  const parts = /^(\d{1,15}(?:\.\d+)?) ?([A-Za-z]+)?$/.exec(text);
  const unit = parts === null ? undefined : UNIT_BYTES[parts[2] ?? 'B'];
  if (parts === null || unit === undefined) return undefined;
  const bytes = Math.floor(Number(parts[1]) * unit);
  return bytes >= 1 && Number.isSafeInteger(bytes) ? bytes : undefined;
}
