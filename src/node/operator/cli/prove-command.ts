// `tidegate prove`: whether what a running gate serves for a URL is outdated, with the evidence.

import type { Proof } from '../../../engine/prober/prove.ts';
import { ask, COMMON_OPTIONS, type CommonOptions, headerOption, headersOf, post } from './admin-commands.ts';
import type { Call, CommandRow } from './commands.ts';
import { table } from './text.ts';
import { clientUrl } from './values.ts';

export const PROVE: CommandRow = {
  name: 'prove',
  help: 'prove whether what is served for a URL is outdated: asks the gate and its origin',
  argument: ['<url>', 'absolute URL as clients ask for it', { read: clientUrl }],
  options: [...COMMON_OPTIONS, headerOption('of the request, sent to the origin too')],
  ends: 'Ends with 0 where the verdict is fresh or same, else with 1. Nothing is stored or invalidated.',
  run: async (call: Call<CommonOptions>) => {
    const query = [['url', call.argument] as const, ...headersOf(call.options)];
    const { verdict } = await ask(call, { ...post('/prove'), query }, proofText);
    return verdict === 'fresh' || verdict === 'same';
  },
};

function proofText({ verdict, reason, stored, origin, differsAt }: Proof): string {
  const answers = origin.map(({ status, bodyBytes }, at) => [
    `ask ${at + 1}`,
    `${status}, ${bodyBytes} bytes from the origin`,
  ]);
  return table([
    ['verdict', `${verdict}: ${reason}`],
    ...(stored === undefined
      ? []
      : [['stored', `${stored.status}, ${stored.bodyBytes} bytes, age ${Math.round(stored.ageMs / 100) / 10} s`]]),
    ...answers,
    ...(differsAt === undefined ? [] : [['differs', `from byte ${differsAt} on`]]),
    ...(verdict === 'outdated'
      ? [['mend', 'tidegate invalidate --url URL; then have the origin tell of its changes']]
      : []),
  ]);
}
