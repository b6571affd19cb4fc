// What every manifest must do. Keys are in order when they compare so as texts.

import { expect, it } from 'vitest';
import { cacheKey } from '../../src/entry/key.ts';
import { Invalidations } from '../../src/ledger/invalidations.ts';
import type { Selector } from '../../src/ledger/selector.ts';
import type { Eventually } from '../../src/ports.ts';
import type { Manifest, ManifestChange, ManifestRow } from '../../src/store/disk/contract.ts';
import { keyHash, rowAt } from '../../src/store/disk/index/entry-index.ts';

const SITE = 'http://site.example';

/** A row of a GET on the default tenant; generation n stands in segment n / 10. */
export function manifestRow(path: string, generation: number, changed: Partial<ManifestRow> = {}): ManifestRow {
  return {
    key: cacheKey({ tenant: '-', originName: 'api' }, 'GET', `${SITE}${path}`),
    kind: 'response',
    generation,
    place: { segment: Math.floor(generation / 10), offset: 100_000 - generation, bytes: 100 + generation },
    status: 200,
    bornMs: 1_700_000_000_123.5,
    lifetimeMs: 60_000,
    etag: '"é-1"',
    lastModified: '',
    tags: [],
    epoch: 'e1',
    stamp: 2 ** 40 + generation,
    bodyBytes: 90,
    bodyId: '',
    ...changed,
  };
}

const put = (row: ManifestRow): ManifestChange => ({ kind: 'put', row });
const remove = ({ key, generation }: ManifestRow): ManifestChange => ({ kind: 'remove', key, generation });

async function foundBy(manifest: Manifest, selector: Selector): Promise<ManifestRow[]> {
  const found: ManifestRow[] = [];
  for await (const rows of manifest.find(selector)) found.push(...rows);
  return found;
}

async function generationsOf(manifest: Manifest): Promise<number[]> {
  const found: number[] = [];
  for await (const { generations } of manifest.scan()) found.push(...generations);
  return found.sort((one, other) => one - other);
}

/** `make` gives a manifest with nothing in it. */
export function manifestContract(make: () => Eventually<Manifest>): void {
  it('gives back a row as it was put', async () => {
    const manifest = await make();
    const rows = [
      manifestRow('/plain', 1),
      manifestRow('/full', 2, { tags: ['a', 'ü "quoted"'], lastModified: 'Tue, 15 Nov 1994 12:45:26 GMT' }),
      manifestRow('/varied', 3, { kind: 'variants', status: 0, etag: '', bornMs: 0, lifetimeMs: 0 }),
      manifestRow('/large', 4, { bodyId: 'body-7', bodyBytes: 5 * 2 ** 30, lifetimeMs: Number.POSITIVE_INFINITY }),
      manifestRow('/v', 5, { key: `${manifestRow('/v', 5).key}\naccept-language:de\nx-é` }),
    ];
    await manifest.commit(rows.map(put));
    for (const row of rows) expect(manifest.lookUp(row.key)).toEqual(row);
    expect(manifest.lookUp(manifestRow('/none', 0).key)).toBeUndefined();
    await manifest.close();
  });

  it('replaces a row of the same key', async () => {
    const manifest = await make();
    await manifest.commit([put(manifestRow('/a', 1, { tags: ['old'] }))]);
    const row = manifestRow('/a', 12, { tags: ['new'] });
    await manifest.commit([put(manifestRow('/a', 11)), put(row)]);
    expect(await foundBy(manifest, { kind: 'all' })).toEqual([row]);
    expect(await foundBy(manifest, { kind: 'tag', tag: 'old' })).toEqual([]);
    expect(await manifest.summary()).toEqual({ rows: 1, maxGeneration: 12, bytes: 112, segments: [1] });
    await manifest.close();
  });

  it('removes a row only while it has the generation', async () => {
    const manifest = await make();
    const [old, now] = [manifestRow('/a', 1), manifestRow('/a', 2)];
    await manifest.commit([put(old), put(now), remove(old)]);
    expect(manifest.lookUp(now.key)).toEqual(now);
    await manifest.commit([remove(now)]);
    expect(manifest.lookUp(now.key)).toBeUndefined();
    await manifest.close();
  });

  it('drops the rows of a segment', async () => {
    const manifest = await make();
    const rows = Array.from({ length: 1300 }, (_, at) =>
      manifestRow(`/${at}`, at + 1, { place: { segment: at % 2, offset: 10_000 - at, bytes: 7 } }),
    );
    await manifest.commit(rows.map(put));
    await manifest.commit([{ kind: 'drop-segment', segment: 0 }]);
    expect(await manifest.summary()).toMatchObject({ rows: 650, bytes: 650 * 7, segments: [1] });
    await manifest.close();
  });

  it('counts large bodies, and names their rows', async () => {
    const manifest = await make();
    const large = manifestRow('/large', 3, { bodyId: 'b', bodyBytes: 5_000_000 });
    await manifest.commit([put(manifestRow('/a', 1)), put(large), put(manifestRow('/c', 25))]);
    expect(await manifest.bodies()).toEqual([large]);
    const summary = { rows: 3, maxGeneration: 25, bytes: 101 + 103 + 125 + 5_000_000, segments: [0, 2] };
    expect(await manifest.summary()).toEqual(summary);
    await manifest.close();
  });

  it('scans all rows, with the hashes of their keys', async () => {
    const manifest = await make();
    const rows = Array.from({ length: 10_500 }, (_, at) => manifestRow(`/${at}`, at + 1));
    await manifest.commit(rows.map(put));
    expect(await generationsOf(manifest)).toEqual(rows.map(({ generation }) => generation));
    for await (const portion of manifest.scan()) {
      for (let at = 0; at < portion.count; at += 997) {
        const { hash, place, generation } = rowAt(portion, at);
        const row = rows[generation - 1] as ManifestRow;
        expect({ hash, place }).toEqual({ hash: keyHash(row.key), place: row.place });
      }
    }
    await manifest.close();
  });

  it('scans what stays while rows come and go', async () => {
    const manifest = await make();
    const rows = Array.from({ length: 25_000 }, (_, at) => manifestRow(`/${at}`, at + 1));
    await manifest.commit(rows.map(put));
    const seen: number[] = [];
    for await (const { generations } of manifest.scan()) {
      if (seen.length === 0) await manifest.commit(rows.slice(20_000).map(remove));
      seen.push(...generations);
    }
    const stayed = seen.filter((generation) => generation <= 20_000);
    expect(new Set(stayed).size).toBe(20_000);
    expect(seen).toHaveLength(new Set(seen).size);
    await manifest.close();
  });

  it('finds by every kind of selector, in the order of the keys', async () => {
    const manifest = await make();
    const of = (scope: [string, string, string], path: string, generation: number) =>
      manifestRow(path, generation, {
        key: cacheKey({ tenant: scope[0], originName: scope[1] }, scope[2], `${SITE}${path}`),
        tags: path.startsWith('/b') ? ['b', `path:${path}`] : [],
      });
    const scopes: [string, string, string][] = [
      ['-', 'api', 'GET'],
      ['-', 'api', 'POST'],
      ['-', 'web', 'GET'],
      ['t1', 'api', 'GET'],
    ];
    const paths = ['/a', '/a/1', '/a1', '/b', '/b/2'];
    const rows = scopes.flatMap((scope, n) => paths.map((path, at) => of(scope, path, 10 * n + at + 1)));
    const variant = manifestRow('/a', 99, { key: `${rows[0]?.key}\naccept:x` });
    await manifest.commit([...rows, variant].toReversed().map(put));
    const expected = (matches: (row: ManifestRow) => boolean) =>
      [...rows, variant].filter(matches).sort((one, other) => (one.key < other.key ? -1 : 1));
    const uriOf = ({ key }: ManifestRow) => key.split('\n')[0]?.split(' ')[3] as string;
    const cases: [Selector, (row: ManifestRow) => boolean][] = [
      [{ kind: 'all' }, () => true],
      [{ kind: 'url', uri: `${SITE}/a` }, (row) => uriOf(row) === `${SITE}/a`],
      [{ kind: 'prefix', prefix: `${SITE}/a` }, (row) => uriOf(row).startsWith(`${SITE}/a`)],
      [{ kind: 'prefix', prefix: `${SITE}/c` }, () => false],
      [{ kind: 'pattern', pattern: '*/?1' }, (row) => /\/.1$/.test(uriOf(row))],
      [{ kind: 'origin', origin: 'web' }, ({ key }) => key.startsWith('- web ')],
      [{ kind: 'origin', origin: 'we' }, () => false],
      [{ kind: 'tag', tag: 'b' }, ({ tags }) => tags.includes('b')],
      [{ kind: 'tag', tag: 'path:/b/2' }, ({ tags }) => tags.includes('path:/b/2')],
      [{ kind: 'tag', tag: 'path:' }, () => false],
    ];
    for (const [selector, matches] of cases) expect(await foundBy(manifest, selector)).toEqual(expected(matches));
    await manifest.close();
  });

  it('finds in more than one portion', async () => {
    const manifest = await make();
    const rows = Array.from({ length: 2300 }, (_, at) => manifestRow(`/${10_000 + at}`, at + 1, { tags: ['t'] }));
    await manifest.commit(rows.map(put));
    const selectors: Selector[] = [
      { kind: 'all' },
      { kind: 'tag', tag: 't' },
      { kind: 'prefix', prefix: SITE },
      { kind: 'pattern', pattern: '*' },
      { kind: 'origin', origin: 'api' },
    ];
    for (const selector of selectors) expect(await foundBy(manifest, selector)).toEqual(rows);
    await manifest.close();
  });

  it('keeps what was written down of invalidations, as it was at the call', async () => {
    const manifest = await make();
    expect(manifest.restore()).toBeUndefined();
    const invalidations = new Invalidations({ epoch: 'e', buckets: 2 ** 15 });
    for (let at = 0; at < 300; at++) invalidations.apply({ kind: 'tag', tag: `${at}` });
    invalidations.apply({ kind: 'prefix', prefix: 'http://é.example/' });
    const [image, buckets] = [invalidations.image(), invalidations.image().buckets.slice()];
    const written = manifest.checkpoint(image);
    invalidations.apply({ kind: 'tag', tag: 'later' });
    await written;
    expect(manifest.restore()).toEqual({ ...image, buckets });
    await manifest.checkpoint(invalidations.image());
    expect(manifest.restore()).toEqual(invalidations.image());
    const anew = new Invalidations({ epoch: 'f', buckets: 2 ** 10 });
    await manifest.checkpoint(anew.image());
    expect(manifest.restore()).toEqual(anew.image());
    await manifest.close();
  });

  it('is cleared of rows, not of invalidations', async () => {
    const manifest = await make();
    const invalidations = new Invalidations({ epoch: 'e', buckets: 2 ** 10 });
    invalidations.apply({ kind: 'tag', tag: 't' });
    await manifest.commit([put(manifestRow('/a', 7, { bodyId: 'b' }))]);
    await manifest.checkpoint(invalidations.image());
    await manifest.clear();
    expect(await manifest.summary()).toMatchObject({ rows: 0, bytes: 0, segments: [] });
    expect(manifest.lookUp(manifestRow('/a', 7).key)).toBeUndefined();
    expect(await generationsOf(manifest)).toEqual([]);
    expect(manifest.restore()).toEqual(invalidations.image());
    await manifest.close();
  });

  it('never forgets how far generations have come, and closes with all that was given', async () => {
    const manifest = await make();
    const row = manifestRow('/a', 40);
    void manifest.commit([put(row)]);
    void manifest.commit([remove(row)]);
    expect(await manifest.summary()).toEqual({ rows: 0, maxGeneration: 40, bytes: 0, segments: [] });
    const last = manifest.commit([put(row)]);
    await manifest.close();
    await last;
  });
}
