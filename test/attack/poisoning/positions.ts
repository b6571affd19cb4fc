// Positions of a source, by which a client that wrote is served from the origin: made up, without a signature or with a wrong one,
// they change nothing, and the one that the gate gave does what it is for.

import { fieldOf } from '../answers.ts';
import type { Row } from '../rows.ts';
import { isHit, type World } from '../world.ts';

const SIGNATURE = '0123456789abcdef';

/** Reports the source, as a tracker does that has heard of all up to `p:3`; the first report only begins. */
async function report(world: World, source: string): Promise<void> {
  let token: string | undefined;
  for (const sequence of [1, 2]) {
    const given = { source, session: 's1', sequence, leaseMs: 60_000, tags: [], position: 'p:3', token };
    const reply = await world.admin('/sources', { method: 'POST', body: JSON.stringify(given) });
    ({ token } = reply as { token: string });
  }
}

/** What a client is given for a write that is not in force yet. */
async function given(world: World, source: string): Promise<string> {
  const path = world.path('/write');
  const fields = { 'tidegate-settled': 'no', 'tidegate-position': `${source};p:5` };
  world.origin.answer(path, () => ({ fields, body: 'done' }));
  const cookie = fieldOf(await world.ask(path, { method: 'PUT', body: 'x' }), 'set-cookie');
  return cookie.replace(/^[^=]*=|;.*/g, '');
}

/** `fields`: by the source and the value that the gate gave. */
function row(name: string, expected: string, fields: (source: string, own: string) => readonly string[]): Row {
  return {
    name,
    rule: 'positions are signed',
    expected,
    run: async (world) => {
      const path = world.path('/tracked');
      const source = `s${path.replace(/\D/g, '')}`;
      await report(world, source);
      // Known here as well, so that its name alone is not what makes a position none.
      await report(world, `x${source}`);
      const answer = {
        fields: { 'cache-control': 'max-age=60', 'cache-tag': `q1, tg-source:${source}` },
        body: 'read',
      };
      world.origin.answer(path, () => answer);
      const sent = fields(source, await given(world, source));
      await world.ask(path);
      const asked = [await world.ask(path), await world.ask(path, { fields: sent }), await world.ask(path)];
      return asked.map((reply) => (isHit(reply) ? 'hit' : 'forwarded')).join(', ');
    },
  };
}

const MADE_UP = 'hit, hit, hit';

export const POSITION_ROWS: readonly Row[] = [
  row('the position that the gate gave', 'hit, forwarded, hit', (source, own) => [
    `Cookie: tidegate-position-${source}=${own}`,
  ]),
  row('the position that the gate gave, as a field', 'hit, forwarded, hit', (source, own) => [
    `Tidegate-Position: ${source};${own}`,
  ]),
  row('a position without a signature', MADE_UP, (source) => [`Tidegate-Position: ${source};p:9`]),
  row('a position without a signature, as a cookie', MADE_UP, (source) => [`Cookie: tidegate-position-${source}=p:9`]),
  row('the highest position', MADE_UP, (source) => [`Tidegate-Position: ${source};~~~~`]),
  row('a position with a signature that is made up', MADE_UP, (source) => [
    `Tidegate-Position: ${source};p:9~${SIGNATURE}`,
  ]),
  row('the signature of another position', MADE_UP, (source, own) => [
    `Tidegate-Position: ${source};${own.replace('p:5', 'p:9')}`,
  ]),
  row('the signature of another source', MADE_UP, (source, own) => [`Tidegate-Position: x${source};${own}`]),
  row('300 positions with signatures that are made up', MADE_UP, (source) => [
    `Tidegate-Position: ${Array.from({ length: 300 }, (_, at) => `${source};p:${4 + at}~${SIGNATURE}`).join(',')}`,
  ]),
];
