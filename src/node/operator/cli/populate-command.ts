// The command `populate`: fills entries of a running gate, and shows the progress: a bar while it runs, a sentence at the end.
//
// Lists can be long, and the admin API takes a portion at a time. So this command reads a file, or another node's
// list, and hands it over bit by bit; the gate itself reads sitemaps and its own manifest.

import type { PopulateState } from '../../../admin/contract.ts';
import { itemOfKey } from '../../../engine/populate/item.ts';
import type { JobProgress } from '../../../engine/populate/job.ts';
import { TidegateError } from '../../../errors.ts';
import { counted } from '../../counted.ts';
import type { ScheduleState } from '../../populate/schedules.ts';
import { valuesOfFile } from '../../populate/sources.ts';
import { type AdminAddress, callAdmin, followAdmin, listPages } from './admin-client.ts';
import { ask, COMMON_OPTIONS, type CommonOptions, get, headerOption, post } from './admin-commands.ts';
import { type Call, type CommandIo, type CommandRow, exactlyOne, show, type Texts } from './commands.ts';
import { printable, progressBar } from './text.ts';
import { adminUrl, atLeastOne, clientUrl } from './values.ts';

interface PopulateOptions
  extends CommonOptions,
    Texts<'sitemap' | 'file' | 'fromNode' | 'nodeToken' | 'cancel' | 'cause'> {
  readonly fromManifest?: true;
  readonly url?: readonly string[];
  readonly list?: true;
  readonly concurrency?: number;
  readonly rate?: number;
  readonly wait: boolean;
}

export const POPULATE: CommandRow = {
  name: 'populate',
  help:
    'fill entries before clients ask for them; name them by exactly one of --from-manifest, --sitemap, --file, --url ' +
    'and --from-node',
  options: [
    ...COMMON_OPTIONS,
    ['--from-manifest', 'all that is stored: what is outdated or expired is filled again'],
    [
      '--sitemap <url>',
      'URLs of a sitemap, or of an index of sitemaps, on a host that a route takes',
      { read: clientUrl },
    ],
    ['--file <file>', 'URLs of a file, a URL or JSON a line; "-": the standard input'],
    ['--url <url...>', 'these URLs', { read: clientUrl, repeats: true }],
    ['--from-node <url>', 'what another node stores, by the URL of its admin API', { read: adminUrl }],
    ['--list', 'show the jobs instead'],
    ['--cancel <id>', 'cancel a job instead'],
    ['--node-token <token>', 'token of the other node', { env: 'TIDEGATE_NODE_TOKEN' }],
    ['--cause <cause>', 'why', { choices: ['operator', 'publish', 'missing'] }],
    headerOption('that clients send'),
    [
      '--concurrency <number>',
      'fills under way at once, where that is to be less than configured',
      { read: atLeastOne },
    ],
    ['--rate <number>', 'requests in a second, where that is to be less than configured', { read: atLeastOne }],
    ['--no-wait', 'print the job and go; it goes on'],
  ],
  ends: `Ends with 0 when all is filled, or refused for what the origin says of it; with 1 when a URL failed, is none or has no
route, or the job was cancelled or its source failed; with 2 for a wrong command line.`,
  run: populate,
};

async function populate(call: Call<PopulateOptions>): Promise<unknown> {
  const { fromManifest, sitemap, file, url, fromNode, list, cancel, wait } = call.options;
  exactlyOne({
    ...{ '--from-manifest': fromManifest, '--sitemap': sitemap, '--file': file, '--url': url },
    ...{ '--from-node': fromNode, '--list': list, '--cancel': cancel },
  });
  if (list === true) return ask(call, get('/populate'), stateText);
  if (cancel !== undefined) return ask(call, post('/populate/cancel', { job: cancel }), endText);
  const begun = await begin(call.options);
  if (!wait) return show(call, begun, ({ id, total }) => `job ${id}: ${counted(total, 'URL')} so far`);
  const last = show(call, await follow(call.io, call.options, begun.id), endText);
  // A site may refuse on purpose; but a URL without a route, or a text that is no URL, is a mistake.
  const isMistaken = ['no-route', 'not-a-url'].some((reason) => (last.reasons[reason] ?? 0) > 0);
  return last.failed === 0 && !isMistaken && last.error === undefined && last.state === 'done';
}

async function begin(options: PopulateOptions): Promise<JobProgress> {
  const { fromManifest, sitemap, url, file, fromNode, cause, concurrency, rate: ratePerSecond, header = [] } = options;
  const send = async (body: object) => (await callAdmin(options, post('/populate', body))) as JobProgress;
  const fields = header.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim()]);
  const common = {
    cause,
    concurrency,
    ratePerSecond,
    ...(fields.length > 0 && { fields: Object.fromEntries(fields) }),
  };
  if (fromManifest === true) return send({ ...common, manifest: true });
  if (sitemap !== undefined) return send({ ...common, sitemap });
  if (url !== undefined) return giveAll(send, common, url);
  if (file !== undefined) return giveAll(send, { ...common, name: file }, valuesOfFile(file));
  const node = { admin: fromNode as string, token: options.nodeToken };
  return giveAll(send, { ...common, cause: cause ?? 'missing', name: node.admin }, storedAt(node));
}

/** Characters of a portion: well below the API's limit. */
const PORTION_CHARS = 200_000;

async function giveAll(
  send: (body: object) => Promise<JobProgress>,
  head: { readonly fields?: object; readonly cause?: string | undefined; readonly name?: string },
  values: AsyncIterable<unknown> | Iterable<unknown>,
): Promise<JobProgress> {
  let to: object = head;
  let urls: unknown[] = [];
  let chars = 0;
  for await (const value of values) {
    urls.push(value);
    chars += JSON.stringify(value).length;
    if (chars <= PORTION_CHARS) continue;
    const job = await send({ ...to, urls, more: true });
    to = { job: job.id, fields: head.fields };
    urls = [];
    chars = 0;
  }
  return send({ ...to, urls, more: false });
}

/** The entries that a node stores, except redacted ones: nobody else may ask for redacted values. */
async function* storedAt(node: AdminAddress): AsyncGenerator<unknown> {
  for await (const { entries } of listPages(node)) {
    for (const { key } of entries) {
      const item = itemOfKey(key);
      if (item === undefined) continue;
      yield item.fields === undefined ? item.uri : { url: item.uri, fields: pairsOf(item.fields) };
    }
  }
}

function pairsOf(fields: readonly string[]): Record<string, string> {
  const pairs: Record<string, string> = {};
  for (let at = 0; at < fields.length; at += 2) pairs[fields[at] as string] = fields[at + 1] as string;
  return pairs;
}

async function follow(io: CommandIo, at: AdminAddress, id: string): Promise<JobProgress> {
  let last: JobProgress | undefined;
  let told = -1;
  const query = [['job', id] as const, ['follow', ''] as const];
  for await (const step of followAdmin(at, get('/populate', query))) {
    last = step as JobProgress;
    const tenth = last.total === 0 ? 0 : Math.floor((10 * last.done) / last.total);
    if (io.progress !== undefined) io.progress(progressLine(last));
    else if (tenth > told) io.printError(progressLine(last));
    told = Math.max(told, tenth);
  }
  if (io.progress !== undefined) io.printError('');
  if (last !== undefined && last.state !== 'running') return last;
  throw new TidegateError('E_ADMIN', `expected to hear of job ${id} until its end, got the end of the connection`);
}

/** One line, e.g. `[######      ] 25 % 250 of 1000, 100/s`. A total that may still grow has a `+`. */
function progressLine(progress: JobProgress): string {
  const { total, done, sealed, perSecond, failed } = progress;
  const part = total === 0 ? 0 : done / total;
  const trouble = failed === 0 ? '' : `, ${failed} failed`;
  return `${progressBar(part)} ${done} of ${total}${sealed ? '' : '+'}, ${perSecond}/s${trouble}`;
}

function endText(progress: JobProgress): string {
  const { id, state, done, total, stored, fresh, refused, failed, reasons, notStored, perSecond, error } = progress;
  const counts = `${stored} stored, ${fresh} fresh already, ${refused} refused, ${failed} failed`;
  const lines = [`${state} (${id}): ${done} of ${total}: ${counts}; ${perSecond}/s`];
  for (const [reason, count] of Object.entries(reasons)) {
    const example = notStored.findLast((one) => one.reason === reason);
    const shown = example === undefined ? '' : `, ${count === 1 ? '' : 'such as '}${printable(example.url)}`;
    lines.push(`  ${printable(reason)} ${count}${shown}`);
  }
  if (error !== undefined) lines.push(`  ${printable(error)}`);
  return lines.join('\n');
}

type ShownState = Omit<PopulateState, 'schedules'> & {
  readonly schedules: readonly ScheduleState[];
};

function stateText({ waiting, inFlight, queue, prediction, jobs, schedules }: ShownState): string {
  const first = queue.map((one) => `${one.cause} ${one.waiting}`).join(', ');
  const lines = [`${waiting} waiting${first === '' ? '' : ` (${first})`}, ${inFlight} under way`];
  if (prediction !== undefined) {
    const { predicted, hits, joined, unused, precision } = prediction;
    const part = precision === null ? '' : `, precision ${precision.toFixed(2)}`;
    lines.push(`prediction: ${predicted} filled, ${hits} hits, ${joined} joined, ${unused} unused${part}`);
  }
  for (const job of jobs) lines.push(`${job.cause} ${printable(job.name ?? '')}`.trimEnd(), `  ${endText(job)}`);
  for (const { name, runs, skipped, running, nextAt } of schedules) {
    const next = nextAt === undefined ? 'never' : new Date(nextAt).toISOString();
    lines.push(
      `schedule ${name}: ${counted(runs, 'run')}, ${skipped} left out${running ? ', running' : ''}, next ${next}`,
    );
  }
  return lines.join('\n');
}
