// A read on its way from a client to the feed process: it means there what it meant here, and what is not what it seems is
// refused.

import { deserialize, serialize } from 'node:v8';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { bindInstance } from '../../src/dependency/bind.ts';
import { Templates } from '../../src/sql/analyse.ts';
import { catalogueOf } from '../../src/sql/catalogue.ts';
import { createSqliteParser } from '../../src/sql/sqlite/parser.ts';
import type { StatementRead } from '../../src/track/follow/registry-client.ts';
import { anyParameters } from '../../src/track/scope/coarsen.ts';
import { FeedReports, type ReportsParts } from '../../src/track/server/feed-reports.ts';
import {
  decodeRegistration,
  encodeRegistration,
  isListOf,
  isText,
  readFrom,
} from '../../src/track/server/feed-wire.ts';
import { statementRead } from '../../src/track/wrap/statements.ts';

const users = {
  name: 'users',
  columns: ['id', 'name'].map((name) => ({
    name,
    type: { family: 'sqlite', affinity: name === 'id' ? 'integer' : 'blob', collation: 'binary' } as const,
    isNotNull: true,
  })),
  key: [0],
  rowid: 0,
};
const mark = { session: 's', generation: 1, position: '01', gaps: 0, seen: undefined };

function registryOf(table: object = users) {
  const relation = { kind: 'table', table } as never;
  const catalogue = catalogueOf({
    dialect: 'sqlite',
    source: 'shop',
    path: ['main'],
    relations: [{ schema: 'main', name: 'users', relation }],
    modules: [],
  });
  const templates = new Templates({ dialect: 'sqlite', parser: createSqliteParser(), catalogue });
  return { catalogue, template: (text: string) => templates.get(text) };
}

function trackedBy({ template }: ReturnType<typeof registryOf>, text: string): StatementRead['template'] {
  const known = template(text);
  if (known.kind !== 'tracked') throw new Error('expected a statement that is tracked');
  return known;
}

const SELECT = 'SELECT * FROM users WHERE name = ? ORDER BY id LIMIT 2';

it('a statement is bound there as it is bound here, whatever the values', () => {
  const scalar: fc.Arbitrary<unknown> = fc.oneof(
    fc.constant(null),
    fc.constant(undefined),
    fc.double(),
    fc.bigInt(),
    fc.string({ unit: 'binary' }),
    fc.boolean(),
    fc.uint8Array(),
    fc.date(),
    fc.array(fc.oneof(fc.integer(), fc.string())),
    fc.object(),
  );
  const rows = fc.option(fc.array(fc.tuple(fc.oneof(fc.integer(), scalar), scalar)), { nil: undefined });
  const here = registryOf();
  const there = registryOf();
  const template = trackedBy(here, SELECT);
  fc.assert(
    fc.property(scalar, rows, fc.boolean(), (value, shown, cutsTexts) => {
      const read = statementRead(template, { parameters: [value], rows: shown, cutsTexts });
      const decoded = decodeRegistration(encodeRegistration('q1', read, mark));
      if (decoded === undefined) throw new Error('expected a registration');
      expect(decoded).toMatchObject({ tag: 'q1', mark });
      const known = readFrom(decoded, 'shop', there) as StatementRead;
      expect(known.template).toBe(trackedBy(there, SELECT));
      const bound = ({ parameters, result }: StatementRead) => bindInstance(template, parameters, result).reads;
      // `toStrictEqual` takes a Buffer for another thing than a Uint8Array.
      expect(deserialize(serialize(bound(known)))).toEqual(deserialize(serialize(bound(read))));
    }),
  );
});

it('values are those of the statement, whatever the application writes into them afterwards', () => {
  const bytes = new Uint8Array([1, 2]);
  const list = [1, 2];
  const row = [7, 'Lane'];
  const run = { parameters: [bytes, list], rows: [row], cutsTexts: false };
  const read = statementRead(trackedBy(registryOf(), SELECT), run);
  bytes[0] = 9;
  list[0] = 9;
  row[0] = 9;
  expect([read.parameters, read.result?.rows[0]?.[0]]).toEqual([[new Uint8Array([1, 2]), [1, 2]], 7]);
});

it('an analysis that is another one is told from it', () => {
  const template = trackedBy(registryOf(), 'SELECT name FROM users');
  const there = registryOf({ ...users, key: [] });
  expect(there.template('SELECT name FROM users')).toMatchObject({ kind: 'tracked', id: template.id });
  const read = statementRead(template, { parameters: [], rows: undefined, cutsTexts: false });
  const registration = decodeRegistration(encodeRegistration('q1', read, mark));
  expect(readFrom(registration as never, 'shop', there)).toBe('unlike');
});

/** Says that it has so many, and has none. */
function empty(length: number): unknown[] {
  const list: unknown[] = [];
  list.length = length;
  return list;
}

const LONGEST = 2 ** 32 - 1;

it('a list with holes is none, however long it says it is', () => {
  const list = (length: number) => isListOf(empty(length), isText);
  expect([list(LONGEST), list(900_000), list(1), list(0)]).toEqual([false, false, false, true]);
  expect(isListOf(['a', 'b'], isText)).toBe(true);
  // Also where what is not there would be one.
  expect(isListOf(empty(3), (one): one is undefined => one === undefined)).toBe(false);
});

it('values of which there are more than bytes are refused: an empty list, one that is named over and over again', () => {
  const decoded = (parameters: unknown, rows: unknown) => {
    const form = { kind: 'statement', text: SELECT, digest: '', parameters, rows };
    return decodeRegistration(serialize({ tag: 'q1', mark, form }));
  };
  const row = empty(1_000).fill(1);
  expect(decoded([1], [row, [1]])).toBeDefined();
  expect(decoded([1], empty(1_000).fill(row))).toBeUndefined();
  expect(decoded([1], empty(LONGEST))).toBeUndefined();
  expect(decoded([1], [empty(LONGEST)])).toBeUndefined();
  expect(decoded(empty(LONGEST), undefined)).toBeUndefined();
  expect(decoded([empty(LONGEST)], undefined)).toBeUndefined();
  expect(decoded([1], {})).toBeUndefined();
  expect(decoded(undefined, undefined)).toBeUndefined();
});

it('a value that no driver gives is unknown', () => {
  const form = { kind: 'statement', text: SELECT, digest: '', parameters: [new Map(), [new Map()]], rows: [[/a/, {}]] };
  const decoded = decodeRegistration(serialize({ tag: 'q1', mark, form }));
  expect(decoded?.form).toMatchObject({ parameters: [undefined, [undefined]], rows: [[undefined, undefined]] });
});

it.each([
  [
    'by a catalogue that is not that of now is refused, and the rest of its report is taken',
    2,
    [['schema-change'], [7]],
  ],
  ['that does not fit the catalogue it names makes its report malformed', 1, [undefined, []]],
])('a registration %s', (_, generation, expected) => {
  const delivered: number[] = [];
  const registry = {
    ...registryOf(),
    staleness: (of: typeof mark) => (of.generation === generation ? undefined : 'schema-change'),
    register: () => undefined,
  } as unknown as ReportsParts['registry'];
  const reports = new FeedReports({ source: 'shop', registry, delivered: (_, id) => delivered.push(id) });
  const read = anyParameters(trackedBy(registryOf(), SELECT));
  const registrations = [encodeRegistration('named-otherwise', read as never, mark)];
  const report = { stream: 'a', registrations, outdated: [], delivered: [{ id: 7, isDone: true }], hasWritten: false };
  expect([reports.take(serialize(report)), delivered]).toEqual(expected);
});
