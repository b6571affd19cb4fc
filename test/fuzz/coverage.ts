// Which blocks of the product's code have run, from V8's own counters (Chrome DevTools Protocol, Profiler domain).

import { Session } from 'node:inspector';

interface Range {
  readonly startOffset: number;
  readonly endOffset: number;
  readonly count: number;
}

interface ScriptCoverage {
  readonly url: string;
  readonly functions: readonly { readonly ranges: readonly Range[] }[];
}

export class Coverage {
  readonly #session = new Session();
  readonly #known = new Set<string>();

  constructor() {
    this.#session.connect();
    this.#post('Profiler.enable');
    this.#post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
  }

  get edges(): number {
    return this.#known.size;
  }

  /** Blocks that ran since the call before and never earlier; `keep`: they count as known from now on. */
  news(keep: boolean): readonly string[] {
    const { result } = this.#post('Profiler.takePreciseCoverage') as { readonly result: readonly ScriptCoverage[] };
    const found = result.flatMap(({ url, functions }) => {
      const at = url.lastIndexOf('/src/');
      if (at < 0) return [];
      return functions.flatMap(({ ranges }) => ranges.filter(({ count }) => count > 0).map(labelOf(url.slice(at + 5))));
    });
    const news = [...new Set(found)].filter((label) => !this.#known.has(label));
    if (keep) this.know(news);
    return news;
  }

  know(labels: readonly string[]): void {
    for (const label of labels) this.#known.add(label);
  }

  close(): void {
    this.#session.disconnect();
  }

  /** The session is of this thread, so its answers come at once. */
  #post(method: string, params: object = {}): unknown {
    let answer: unknown;
    this.#session.post(method, params, (error: Error | null, result: unknown) => {
      if (error !== null) throw error;
      answer = result;
    });
    return answer;
  }
}

function labelOf(file: string): (range: Range) => string {
  return ({ startOffset, endOffset }) => `${file}:${startOffset}-${endOffset}`;
}
