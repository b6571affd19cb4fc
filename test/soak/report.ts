// What the samples of a soak say: the second quarter of the run beside its last, since the first is the warm-up.

export interface Sample {
  readonly rss: number;
  /** Of it: objects of JavaScript, as far as they are used, and buffers. */
  readonly heap: number;
  readonly external: number;
  readonly descriptors: number;
  readonly listeners: number;
  /** 99th percentile of the event loop's delay in the last second. */
  readonly delayMs: number;
  /** Exceptions and rejections that nothing handled, since the start. */
  readonly unhandled: number;
}

export interface Goal {
  readonly name: string;
  readonly met: boolean;
}

/** RSS may grow by this part, descriptors by this number. */
const RSS_PART = 0.1;
const MORE_DESCRIPTORS = 10;

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

/** Prints the figures of one process, and says which of its goals are met. */
export function judge(name: string, samples: readonly Sample[]): Goal[] {
  const quarter = Math.floor(samples.length / 4);
  const parts = (figure: keyof Sample): [number, number] => {
    const values = samples.map((sample) => sample[figure]);
    return [median(values.slice(quarter, 2 * quarter)), median(values.slice(-quarter))];
  };
  const [rssBefore, rssAfter] = parts('rss');
  const [[heapBefore, heapAfter], [outBefore, outAfter]] = [parts('heap'), parts('external')];
  const [openBefore, openAfter] = parts('descriptors');
  const [heardBefore, heardAfter] = parts('listeners');
  const slope = ((rssAfter - rssBefore) / 2 ** 20 / Math.max(1, 2 * quarter)) * 60;
  const delays = samples.slice(quarter).map(({ delayMs }) => delayMs);
  console.log(`${name}: ${samples.length} s`);
  console.log(`  RSS          ${mib(rssBefore)} to ${mib(rssAfter)} (${slope.toFixed(2)} MiB a minute)`);
  console.log(`    heap       ${mib(heapBefore)} to ${mib(heapAfter)}, buffers ${mib(outBefore)} to ${mib(outAfter)}`);
  console.log(`  descriptors  ${openBefore} to ${openAfter}`);
  console.log(`  listeners    ${heardBefore} to ${heardAfter}`);
  console.log(
    `  loop delay   p99 of a second: median ${median(delays).toFixed(1)} ms, worst ${Math.max(...delays).toFixed(1)} ms`,
  );
  return [
    { name: `${name}: RSS grows by at most 10 %`, met: rssAfter <= rssBefore * (1 + RSS_PART) },
    { name: `${name}: descriptors stay`, met: openAfter <= openBefore + MORE_DESCRIPTORS },
    { name: `${name}: listeners stay`, met: heardAfter <= heardBefore },
  ];
}

function mib(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(1)} MiB`;
}
