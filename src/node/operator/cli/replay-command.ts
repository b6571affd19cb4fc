// The command `replay`: runs an access log through the routes and the memory tier of a gate, and prints what would have come of
// it under several lifetimes.

import { statSync } from 'node:fs';
import { expected } from '../../../errors.ts';
import { msOf } from '../../../options/durations.ts';
import { SIZE } from '../../../options/variables.ts';
import { loadConfig, type ResolvedConfig, resolveConfig } from '../../config/config.ts';
import { LOG_FORMATS, type LogFormat } from '../replay/log-record.ts';
import type { Outlook, ReplayReport } from '../replay/replay.ts';
import { type Call, type CommandIo, type CommandRow, show, type Texts } from './commands.ts';
import { durationText, numberText, percentText, printable, progressBar, sizeText, table } from './text.ts';

interface ReplayOptions extends Texts<'config'> {
  readonly format: LogFormat;
  readonly ttl: string;
  readonly memory?: number;
  readonly host: string;
  readonly anonymous?: true;
  readonly json?: true;
}

export const REPLAY: CommandRow = {
  name: 'replay',
  help: 'say what hit ratio, memory and origin time a gate would have had for the requests of an access log, under which TTLs',
  argument: ['<log>', 'the log, also compressed by gzip or zstd; "-": the standard input'],
  options: [
    ['--format <format>', 'of the log', { choices: LOG_FORMATS, fallback: 'auto' }],
    ['--ttl <durations>', 'TTLs to try, with commas between them', { read: lifetimes, fallback: '1m,10m,1h,1d' }],
    ['--config <file>', 'configuration whose routes and memory it would have; without it one route takes all requests'],
    ['--memory <size>', 'of the memory tier, e.g. 64MiB; default: that of the configuration, 256MiB', { read: size }],
    ['--host <host>', 'host of requests of which the log names none', { fallback: 'localhost' }],
    ['--anonymous', 'requests had no cookie and no Authorization where the log does not say so'],
    ['--json', 'print JSON'],
  ],
  ends: `Formats, which it finds out by itself: combined (nginx, Apache; a number behind the usual fields is the time of the request, in
seconds with a point, else in µs); json, a line for each exchange (Caddy, pino-http, the log of this gate, nginx with the names
of its variables); csv, whose first line has names, of time, method, path, status, bytes, ms, host and credentials (0 or 1); har.
Of xz and bzip2: xz -dc access.log.xz | tidegate replay -

A TTL is tried in place of that of every route. Only "routes", with --config, has the routes' own, and what an answer says of
itself where the log has its fields. Requests with credentials go past the cache; where a log does not show them, figures are ranges: from
"all had" to "none had". 304 counts as the whole answer, a part (206) is not stored, Vary counts where the log has the fields.

Ends with 1 when the log cannot be read or no line of it is an exchange.`,
  run: replayLog,
};

function lifetimes(text: string): string {
  for (const one of text.split(',')) {
    if (msOf(one) === undefined) return expected('E_CONFIG', 'durations with commas between them, such as 1m,1h', text);
  }
  return text;
}

function size(text: string): number {
  return SIZE.read(text) ?? expected('E_CONFIG', SIZE.expected, text);
}

async function replayLog(call: Call<ReplayOptions>): Promise<boolean> {
  const { io, options } = call;
  const { format, ttl, host, anonymous } = options;
  const file = call.argument as string;
  const tried = ttl.split(',').map((name) => ({ name, ttlMs: msOf(name) }));
  const all = options.config === undefined ? tried : [...tried, { name: 'routes', ttlMs: undefined }];
  const config = await configOf(options);
  const [{ readLog }, { replay }] = await Promise.all([import('../replay/read-log.ts'), import('../replay/replay.ts')]);
  const lines = readLog({ file, format, read: progressOf(io, file) });
  const report = await replay(lines, { config, host, lifetimes: all, isAnonymous: anonymous === true });
  io.progress?.('');
  show(call, report, reportText);
  return report.requests > 0;
}

async function configOf({ config: file, memory }: ReplayOptions): Promise<ResolvedConfig> {
  const config =
    file === undefined
      ? resolveConfig({ origins: { origin: { url: 'http://127.0.0.1:1' } } })
      : await loadConfig({ file, cwd: process.cwd() });
  return memory === undefined ? config : { ...config, memory: { ...config.memory, maxBytes: memory } };
}

function progressOf({ progress }: CommandIo, file: string): (bytes: number) => void {
  if (progress === undefined) return () => {};
  const all = file === '-' ? undefined : statSync(file, { throwIfNoEntry: false })?.size;
  let shown = -1;
  return (bytes) => {
    const now = all === undefined ? Math.floor(bytes / 1e6) : Math.floor((100 * bytes) / all);
    if (now === shown) return;
    shown = now;
    progress(all === undefined ? `${sizeText(bytes)} read` : `${progressBar(bytes / all)} of ${sizeText(all)}`);
  };
}

function reportText(report: ReplayReport): string {
  const { requests, urls, fromMs, toMs, timed, refused, withoutFields, unread, memoryBytes } = report;
  const lines = [
    `${numberText(requests)} requests of ${numberText(urls)} URLs in ${durationText((toMs ?? 0) - (fromMs ?? 0))}`,
  ];
  if (unread.lines > 0) lines.push(`${numberText(unread.lines)} lines not read:`);
  for (const { line, expected: wanted, got } of unread.examples) {
    lines.push(`  line ${line}: expected ${wanted}, got ${printable(JSON.stringify(got))}`);
  }
  if (refused > 0) lines.push(`${numberText(refused)} requests refused: no route takes them, or they are not sound`);
  lines.push('', lifetimesTable(report), '', `memory of at most ${sizeText(memoryBytes)}`);
  if (timed === 0) lines.push('origin time: the log has no time of requests');
  else if (timed < requests) lines.push(`origin time: estimated by the ${numberText(timed)} requests that have one`);
  if (withoutFields === requests)
    lines.push('the log has no response fields: what answers say of storing is not known');
  return [...lines, ...credentialLines(report)].join('\n');
}

function credentialLines({ unknownCredentials, requests, lifetimes: all }: ReplayReport): string[] {
  if (unknownCredentials === 0) return [];
  const some = `${numberText(unknownCredentials)} of ${numberText(requests)} requests`;
  const unknown = `credentials: not known of ${some}`;
  if (all[0]?.least === undefined) return [`${unknown}, taken for none (--anonymous)`];
  return [
    `${unknown}, hence the ranges: a request with a cookie or Authorization goes past the cache.`,
    '  If they had none, add --anonymous; else log them, e.g. as 0 or 1 in a CSV, and see cookies in the configuration.',
  ];
}

function lifetimesTable({ requests, originMs, lifetimes: all }: ReplayReport): string {
  const without = ['(no gate)', '', '', numberText(requests), timeText(originMs), '', ''];
  const rows = all.map(({ ttl, most, least }) => {
    const range = (text: (outlook: Outlook) => string, [from, to]: readonly [Outlook, Outlook]) =>
      text(from) === text(to) ? text(to) : `${text(from)} - ${text(to)}`;
    const up = [least ?? most, most] as const;
    const down = [most, least ?? most] as const;
    return [
      ttl,
      range(({ hitRatio }) => percentText(hitRatio), up),
      range(({ byteHitRatio }) => percentText(byteHitRatio), up),
      range(({ originRequests }) => numberText(originRequests), down),
      range((outlook) => timeText(outlook.originMs), down),
      range(({ peakBytes }) => sizeText(peakBytes), up),
      range(({ evictions }) => numberText(evictions), up),
    ];
  });
  const heads = ['TTL', 'HIT RATIO', 'OF BYTES', 'ORIGIN REQUESTS', 'ORIGIN TIME', 'MEMORY', 'EVICTED'];
  return table([heads, without, ...rows]);
}

function timeText(ms: number | null): string {
  return ms === null ? '?' : durationText(ms);
}
