// A gate whose route codes, with a compressor whose every result the test gives by hand.

import { routeCoding } from '../../src/engine/answers/coded-edits.ts';
import { coderWith } from '../../src/engine/answers/coding.ts';
import { CODINGS, type Coding, codingChooser, isCompressibleType } from '../../src/semantics/content-coding.ts';
import type { CachePolicy } from '../../src/semantics/policy.ts';
import { type Ask, Client } from './clients.ts';
import { FRESH, type GateBench, type GateBenchParts, gateBench } from './gate-bench.ts';
import { turns } from './slow-log.ts';

interface CodingJob {
  readonly coding: Coding;
  readonly body: string;
  /** Ends the job with half of the body, marked with the coding. */
  readonly done: (coded?: string) => Promise<void>;
  readonly fail: () => Promise<void>;
}

export interface CodingBench extends GateBench {
  /** Bodies being coded. */
  readonly jobs: CodingJob[];
  /** Asks for a path, fills it with the body, and returns the filling client. */
  readonly fill: (path: string, body: string, fields?: readonly string[]) => Client;
  /** Has the path's body coded as if a client had asked for it. */
  readonly coded: (path: string, acceptEncoding: string) => Promise<void>;
}

/** What the compressor of the bench makes of a body. */
export function codedText(coding: Coding, body: string): string {
  return `${coding}:${body.slice(0, body.length / 2)}`;
}

export const TEXT = ['content-type', 'text/plain', ...FRESH] as const;

export function codingBench(parts: GateBenchParts = {}, policy: Partial<CachePolicy> = {}): CodingBench {
  const jobs: CodingJob[] = [];
  const compress = (coding: Coding, bytes: Uint8Array) =>
    new Promise<Uint8Array>((resolve, reject) => {
      const body = Buffer.from(bytes).toString();
      const over = () => void jobs.splice(jobs.indexOf(job), 1);
      const job: CodingJob = {
        coding,
        body,
        done: (coded = codedText(coding, body)) => {
          over();
          resolve(Buffer.from(coded));
          return turns();
        },
        fail: () => {
          over();
          reject(new Error('no memory'));
          return turns();
        },
      };
      jobs.push(job);
    });
  const bench = gateBench(policy, { coder: coderWith(compress), ...parts });
  const rules = { accepted: codingChooser(CODINGS), minBytes: 20, takesType: isCompressibleType };
  const route = { ...bench.route, compress: routeCoding(rules) };
  const ask = (what: Ask & { readonly paused?: boolean }) => Client.ask(bench.gate, route, what);
  const get = (path: string, fields: readonly string[] = []) => ask({ path, fields });
  const fill = (path: string, body: string, fields: readonly string[] = []) => {
    const client = get(path);
    bench.origin.last.answer(200, [...TEXT, ...fields], body);
    return client;
  };
  const coded = async (path: string, acceptEncoding: string) => {
    get(path, ['accept-encoding', acceptEncoding]);
    await turns();
    const job = jobs.at(-1);
    if (job === undefined) throw new Error('expected a body to be coded, got none');
    await job.done();
  };
  return { ...bench, route, ask, get, fill, jobs, coded };
}
