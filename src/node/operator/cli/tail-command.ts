// The command `tail`: exchanges of a running gate as they end, a line each.

import type { Heard } from '../../../admin/contract.ts';
import { TidegateError } from '../../../errors.ts';
import { counted } from '../../counted.ts';
import { followAdmin } from './admin-client.ts';
import { COMMON_OPTIONS, type CommonOptions, get } from './admin-commands.ts';
import { coloured, outcomeColoured } from './colours.ts';
import type { Call, CommandRow, Texts } from './commands.ts';
import { printable } from './text.ts';
import { atLeastOne } from './values.ts';

type TailOptions = CommonOptions & Texts<'route' | 'outcome' | 'url' | 'status'> & { readonly count?: number };

export const TAIL: CommandRow = {
  name: 'tail',
  help: 'show exchanges of a running gate as they end',
  options: [
    ...COMMON_OPTIONS.slice(0, 2),
    ['--route <name>', 'only of this route'],
    [
      '--outcome <outcome>',
      'only of this outcome',
      { choices: ['hit', 'stale', 'validated', 'collapsed', 'miss', 'bypass', 'error', 'refused'] },
    ],
    ['--url <glob>', 'only of paths, or hosts with paths, that match: * any run of characters, ? one character'],
    ['--status <status>', 'only of this status, e.g. 404, or of a class, e.g. 5xx'],
    ['--count <number>', 'end after so many', { read: atLeastOne }],
    ['--json', 'print each as JSON'],
  ],
  ends: `Paths are shown as in the access log: without the values of parameters and what looks like a token. Who reads too slowly, or
behind a gate that is too busy, is told how many are left out. Ends with 0 after --count, or when it is interrupted; with 1 when the gate ends.`,
  run: tail,
};

async function tail({ io, options }: Call<TailOptions>): Promise<void> {
  const { route, outcome, url, status, count = Number.POSITIVE_INFINITY, json } = options;
  let shown = 0;
  for await (const one of followAdmin(options, get('/tail', Object.entries({ route, outcome, url, status })))) {
    const heard = one as Heard & ExchangeFacts;
    // Told now and then, so that a client that is gone is found out.
    if ('lost' in heard && heard.lost === 0) continue;
    if (json === true) io.print(JSON.stringify(heard));
    else if ('lost' in heard) io.printError(`${counted(heard.lost, 'exchange')} left out`);
    else io.print(lineText(heard));
    if (!('lost' in heard) && ++shown >= count) return;
  }
  throw new TidegateError('E_ADMIN', 'expected the gate to go on, got the end of the connection');
}

interface ExchangeFacts {
  readonly fwd?: string;
  readonly detail?: string;
  readonly refusal?: string;
  readonly bytes: number;
  readonly durationMs: number;
}

/** E.g. `12:30:01.250  miss       200  GET example.org/users  2048 B  12.3 ms  fwd=uri-miss not stored: set-cookie`. */
function lineText(line: Exclude<Heard, { readonly lost: number }> & ExchangeFacts): string {
  const { time, outcome, status, method, host, path, bytes, durationMs, fwd, detail, refusal } = line;
  const why = [
    ...(fwd === undefined ? [] : [`fwd=${fwd}`]),
    ...(detail === undefined ? [] : [`detail=${detail}`]),
    ...(refusal === undefined ? [] : [`not stored: ${refusal}`]),
  ].join(' ');
  return [
    time.slice(11, 23),
    outcomeColoured(outcome, outcome.padEnd(9)),
    status >= 500 ? coloured('red', String(status)) : String(status),
    printable(`${method} ${host}${path}`),
    `${bytes} B`,
    `${durationMs.toFixed(1)} ms`,
    ...(why === '' ? [] : [coloured('dim', why)]),
  ].join('  ');
}
