// `npm run conformance`: the public HTTP cache test suite against the gate, once in each profile. `--http2`: its client
// speaks HTTP/2 over TLS. `--tier disk`: the gate has no memory tier. `--workers`: it runs in workerd. What must be reached
// is the same, but for what a platform does to HTTP by itself.

import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { conclude, type Goal, printTable } from '../bench/report.ts';
import { resolveConfig } from '../src/node/config/config.ts';
import { startGate } from '../src/node/serve.ts';
import type { Profile } from '../src/semantics/policy.ts';
import { makeCertificate } from '../test/kit/make-certificate.ts';
import { type Deviation, deviationsOf, type Platform } from './deviations.ts';
import { type Running, startWorker } from './on-workers.ts';
import { type Judged, judge, type RawResults, type Score, type Suite, scoreOf } from './scoring.ts';

const PROFILES: readonly Profile[] = ['conformance', 'safe'];

/** Named deviations among required tests that the safe profile may have. */
const MAX_SAFE_DEVIATIONS = 6;

interface ProfileResult {
  readonly profile: Profile;
  readonly platform: Platform;
  readonly judged: readonly Judged[];
  readonly required: Score;
  readonly optimal: Score;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      json: { type: 'string' },
      http2: { type: 'boolean', default: false },
      tier: { type: 'string', default: 'memory' },
      workers: { type: 'boolean', default: false },
    },
  });
  if (!isTier(values.tier)) throw new TypeError(`expected --tier memory or disk, got ${values.tier}`);
  const { tier, workers } = values;
  if (workers && (values.http2 || tier !== 'memory'))
    throw new TypeError('expected --workers without --http2 and --tier');
  const tls = values.http2 ? await certificateFiles() : undefined;
  const { suites } = (await import('./suites.mjs' as string)) as { suites: readonly Suite[] };
  const { startSuiteOrigin } = (await import('./origin.mjs' as string)) as SuiteOrigin;
  const origin = await startSuiteOrigin(workers ? 'close' : undefined);
  const results: ProfileResult[] = [];
  for (const profile of PROFILES) results.push(await runProfile(profile, { suites, origin, tls, tier, workers }));
  for (const result of results) printProfile(result);
  origin.close();
  origin.closeAllConnections();
  if (tls !== undefined) rmSync(tls.folder, { recursive: true });
  const goals = results.flatMap(goalsOf);
  conclude('conformance', { goals, figures: results.map(figuresOf) }, values.json);
  if (goals.some((goal) => !goal.met)) process.exitCode = 1;
}

interface SuiteOrigin {
  startSuiteOrigin(connections?: 'close'): Promise<Server>;
}

function isTier(text: string): text is Bench['tier'] {
  return text === 'memory' || text === 'disk';
}

interface Files {
  readonly folder: string;
  readonly cert: string;
  readonly key: string;
}

async function certificateFiles(): Promise<Files> {
  const folder = mkdtempSync(join(tmpdir(), 'tidegate-conformance-'));
  const pem = await makeCertificate('localhost', '127.0.0.1');
  const files = { folder, cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem') };
  writeFileSync(files.cert, pem.cert);
  writeFileSync(files.key, pem.key);
  return files;
}

interface Bench {
  readonly suites: readonly Suite[];
  readonly origin: Server;
  /** Undefined: HTTP/1.1 without TLS. */
  readonly tls: Files | undefined;
  /** The only one. */
  readonly tier: 'memory' | 'disk';
  readonly workers: boolean;
}

async function runProfile(profile: Profile, bench: Bench): Promise<ProfileResult> {
  const { port } = bench.origin.address() as AddressInfo;
  const running = await (bench.workers ? startWorker(profile, port) : startOnNode(profile, port, bench));
  const judged = judge(bench.suites, await runClient(running.url, bench.workers ? ['close'] : []));
  await running.close();
  const platform = bench.workers ? 'workers' : 'node';
  return { profile, platform, judged, required: scoreOf(judged, 'required'), optimal: scoreOf(judged, 'optimal') };
}

async function startOnNode(profile: Profile, originPort: number, { tls, tier }: Bench): Promise<Running> {
  const folder = mkdtempSync(join(tmpdir(), 'tidegate-conformance-'));
  const running = await startGate(
    resolveConfig({
      listen: { port: 0, ...(tls && { tls: { certificates: [{ cert: tls.cert, key: tls.key }] } }) },
      admin: { port: 0 },
      ...(tier === 'disk' && { memory: { maxBytes: 0 }, disk: { path: folder } }),
      origins: { suite: { url: `http://127.0.0.1:${originPort}` } },
      routes: [{ origin: 'suite', profile, methods: 'all', showTags: true }],
      targetedFields: ['cdn-cache-control', 'surrogate-control'],
      log: { level: 'error' },
    }),
  );
  const close = async () => {
    await running.close({ grace: 1_000 });
    rmSync(folder, { recursive: true });
  };
  return { url: running.url, close };
}

function runClient(url: string, options: readonly string[]): Promise<RawResults> {
  const client = spawn(process.execPath, ['--no-warnings', 'client.mjs', url, ...options], {
    cwd: import.meta.dirname,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  client.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  return new Promise((resolve, reject) => {
    client.on('error', reject);
    client.on('close', (code) => {
      if (code !== 0) return reject(new Error(`expected the suite's client to end with 0, got ${code}`));
      // The suite prints warnings of its own before the results.
      return resolve(JSON.parse(output.slice(output.indexOf('{'))) as RawResults);
    });
  });
}

function printProfile(result: ProfileResult): void {
  const { profile, judged, required, optimal } = result;
  console.log(`\n${profile}: required ${required.passed}/${required.total} optimal ${optimal.passed}/${optimal.total}`);
  const rows = failuresOf(judged).map(({ test, kind, verdict, message }) => {
    const { ground = 'UNEXPLAINED', reason = message } = deviationOf(result, test.id) ?? {};
    return [`${test.id} (${kind}, ${verdict}) ${ground}: ${reason}`];
  });
  if (rows.length > 0) printTable({ title: `${profile}: not passed`, columns: [''], rows });
}

function failuresOf(judged: readonly Judged[]): Judged[] {
  return judged.filter((one) => one.kind !== 'check' && one.verdict !== 'pass');
}

function deviationOf({ profile, platform }: ProfileResult, id: string): Deviation | undefined {
  return deviationsOf(profile, platform).find((deviation) => deviation.tests.includes(id));
}

function goalsOf(result: ProfileResult): Goal[] {
  const { profile, judged } = result;
  const failures = failuresOf(judged);
  const unexplained = failures.filter((one) => deviationOf(result, one.test.id) === undefined);
  const failed = new Set(failures.map((one) => one.test.id));
  const outlived = deviationsOf(profile, result.platform)
    .flatMap(({ tests }) => tests)
    .filter((id) => !failed.has(id));
  const names = (list: readonly string[]) => (list.length === 0 ? '0' : `${list.length}: ${list.join(', ')}`);
  return [
    boundGoal(result, failures),
    goal(
      `${profile}: tests not passed without a reason`,
      names(unexplained.map((one) => one.test.id)),
      unexplained.length === 0,
    ),
    goal(`${profile}: reasons for tests that pass`, names(outlived), outlived.length === 0),
  ];
}

/** Required tests: all that do not contradict the RFC in the conformance profile, few deviations in the safe one. */
function boundGoal(result: ProfileResult, failures: readonly Judged[]): Goal {
  const { profile, judged } = result;
  const counted = failures.filter((one) => (deviationOf(result, one.test.id)?.ground ?? 'profile') === 'profile');
  const required = counted.filter((one) => one.kind === 'required').length;
  const total = judged.filter((one) => one.kind !== 'check').length;
  if (profile === 'safe') {
    const name = 'safe: deviations among required tests';
    return { name, bound: `<= ${MAX_SAFE_DEVIATIONS}`, got: String(required), met: required <= MAX_SAFE_DEVIATIONS };
  }
  const platform = result.platform === 'workers' ? ' and the platform' : '';
  const name = `conformance: required and optimal tests not passed, but for those against the RFC${platform}`;
  return { name, bound: '0', got: `${counted.length} of ${total}`, met: counted.length === 0 };
}

function goal(name: string, got: string, met: boolean): Goal {
  return { name, bound: '0', got, met };
}

function figuresOf({ profile, judged, required, optimal }: ProfileResult): object {
  const failures = failuresOf(judged).map(({ test, kind, verdict, message }) => ({
    id: test.id,
    kind,
    verdict,
    message,
  }));
  return { profile, required, optimal, failures };
}

await main();
