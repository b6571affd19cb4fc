// `npm run soak -- --minutes 20`: a gate of two workers with TLS under mixed load of HTTP/1.1 and HTTP/2, with an origin that errs,
// reloads, and kills of a worker; then whether the processes that lived through all of it are as large as before.
//   --minutes N   how long, 20 if not said
//   --leak        the processes leak, to show that this is found: the goals of what leaks are then not met

import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { makeCertificate } from '../kit/make-certificate.ts';
import { serveWith, tempFolder, tidegate, writeJson } from '../runtime/node/kit.ts';
import { Load, Origin } from './load.ts';
import { type Goal, judge, type Sample } from './report.ts';

const { values } = parseArgs({ options: { minutes: { type: 'string', default: '20' }, leak: { type: 'boolean' } } });
const minutes = Number(values.minutes);
if (!(minutes > 0)) throw new TypeError(`expected a number of minutes, got ${values.minutes}`);

const RELOAD_MS = 10_000;
const KILL_MS = 15_000;

const folder = tempFolder();
const origin = new Origin();
try {
  const goals = await soak();
  for (const { name, met } of goals) if (!met) console.log(`not met: ${name}`);
  const met = goals.filter((goal) => goal.met).length;
  console.log(`soak: goals met ${met} of ${goals.length}`);
  process.exitCode = met === goals.length ? 0 : 1;
} finally {
  origin.close();
  folder.remove();
}

async function soak(): Promise<Goal[]> {
  const pem = await makeCertificate('localhost', '127.0.0.1');
  writeFileSync(join(folder.path, 'cert.pem'), pem.cert);
  writeFileSync(join(folder.path, 'key.pem'), pem.key);
  writeJson(join(folder.path, 'tidegate.config.json'), {
    workers: 2,
    listen: { tls: { certificates: [{ cert: 'cert.pem', key: 'key.pem' }] } },
    memory: { maxBytes: 32 * 2 ** 20 },
    // Full within the warm-up: each of its segments has a descriptor.
    disk: { path: 'disk', maxBytes: 16 * 2 ** 20 },
    origins: { app: { url: await origin.listen() } },
    log: { level: 'error' },
  });
  const preload = new URL('./preload.ts', import.meta.url).href;
  const env = { NODE_OPTIONS: `--import=${preload}`, SOAK_FOLDER: folder.path, ...(values.leak && { SOAK_LEAK: '1' }) };
  const gate = await serveWith(tidegate(['serve', '--port', '0', '--admin-port', '0'], { cwd: folder.path, env }));
  const primary = gate.program.child.pid as number;
  const end = performance.now() + minutes * 60_000;
  const load = new Load(gate, origin);
  let [reloads, kills] = [0, 0];
  const every = async (ms: number, act: () => void) => {
    while (performance.now() + ms < end) {
      await sleep(ms);
      act();
    }
  };
  // The oldest worker is left alone, so that a leak shows.
  const killYoungest = () => {
    const pid = living(primary).slice(1).at(-1);
    if (pid === undefined) return;
    process.kill(pid, 'SIGKILL');
    kills++;
  };
  const reload = () => {
    gate.program.signal('SIGHUP');
    reloads++;
  };
  await Promise.all([load.run(end), every(RELOAD_MS, reload), every(KILL_MS, killYoungest)]);
  const [worker] = living(primary);
  const goals = [primary, ...(worker === undefined ? [] : [worker])].flatMap((pid, at) => {
    return judge(at === 0 ? 'primary' : 'oldest worker', samplesOf(pid));
  });
  const isRunning = gate.program.running;
  await gate.program.stop();
  console.log(
    Object.entries({ ...load.counts, reloads, kills })
      .map(([name, count]) => `${name} ${count}`)
      .join(', '),
  );
  const unhandled = pids().reduce((sum, pid) => sum + (samplesOf(pid).at(-1)?.unhandled ?? 0), 0);
  if (unhandled > 0) console.log(gate.program.err.slice(-2_000));
  const { hits, writes, invalidations, aborted } = load.counts;
  return [
    ...goals,
    { name: 'two workers live at the end, and the gate', met: isRunning && worker !== undefined },
    { name: `0 outdated answers, got ${load.counts.outdated}`, met: load.counts.outdated === 0 },
    { name: `0 unhandled, got ${unhandled}`, met: unhandled === 0 },
    {
      name: 'hits, writes, invalidations, requests given up, reloads',
      met: [hits, writes, invalidations, aborted, reloads].every((count) => count > 0),
    },
  ];
}

/** Processes of the gate that have told something. */
function pids(): number[] {
  const names = readdirSync(folder.path).filter((name) => name.endsWith('.jsonl'));
  return names.map((name) => Number.parseInt(name, 10));
}

/** Workers that live, the oldest first. */
function living(primary: number): number[] {
  const workers = pids().filter((pid) => pid !== primary && isAlive(pid));
  return workers.sort((one, other) => samplesOf(other).length - samplesOf(one).length);
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

function samplesOf(pid: number): Sample[] {
  const lines = readFileSync(join(folder.path, `${pid}.jsonl`), 'utf8')
    .trim()
    .split('\n');
  return lines.map((line) => JSON.parse(line) as Sample);
}
