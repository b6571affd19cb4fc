const COUNT = new Intl.NumberFormat('en');
const SHORT = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });

export function countText(count: number): string {
  return count < 10_000 ? COUNT.format(Math.round(count)) : SHORT.format(count);
}

export function rateText(perSecond: number): string {
  return `${perSecond >= 100 ? countText(perSecond) : perSecond.toFixed(1)}/s`;
}

/** `-`: nothing is known. */
export function percentText(part: number | null | undefined, digits = 1): string {
  return part === null || part === undefined ? '–' : `${(100 * part).toFixed(digits)} %`;
}

export function msText(ms: number | null | undefined): string {
  if (ms === null || ms === undefined) return '–';
  if (ms >= 10_000) return `${(ms / 1_000).toFixed(0)} s`;
  return ms >= 100 ? `${ms.toFixed(0)} ms` : `${ms.toPrecision(2)} ms`;
}

const SIZES = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

export function sizeText(bytes: number): string {
  let amount = bytes;
  let at = 0;
  for (; amount >= 1024 && at < SIZES.length - 1; at++) amount /= 1024;
  return `${at === 0 || amount >= 100 ? Math.round(amount) : amount.toFixed(1)} ${SIZES[at]}`;
}

const SPANS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
] as const;

export function spanText(ms: number): string {
  const sign = ms < 0 ? '−' : '';
  const length = Math.abs(ms);
  const [unit, size] = SPANS.find(([, least]) => length >= 2 * least) ?? ['s', 1_000];
  return `${sign}${(length / size).toFixed(length / size < 10 ? 1 : 0)} ${unit}`;
}

export function timeText(atMs: number): string {
  return new Date(atMs).toLocaleTimeString('en-GB');
}
