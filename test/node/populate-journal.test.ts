import { mkdtempSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { PopulateJournal } from '../../src/node/populate/journal.ts';
import { SimulatedTime } from '../kit/simulated-time.ts';

describe('the journal', () => {
  const head = { cause: 'publish', name: 'release', concurrency: 2 } as const;
  const opened = () => {
    const time = new SimulatedTime();
    const faults: unknown[] = [];
    const folder = join(mkdtempSync(join(tmpdir(), 'tidegate-')), 'populate');
    const open = () => new PopulateJournal(folder, time, (error) => void faults.push(error));
    return { time, folder, faults, open, journal: open() };
  };

  test('says after a restart what is left of a job', () => {
    const { time, open, journal, faults } = opened();
    const record = journal.record(head)('1');
    record.added(['a', 'b', 'c', '']);
    record.added(['d\nx:1']);
    for (const place of [1, 0, 3]) record.done(place);
    time.advance(1_000);
    expect(open().unfinished()).toMatchObject([{ spec: head, texts: ['c', 'd\nx:1'], sealed: false }]);
    record.sealed();
    const [job] = open().unfinished();
    expect(job?.sealed).toBe(true);
    job?.forget();
    expect([open().unfinished(), faults]).toEqual([[], []]);
  });

  test('says why the source of a job gave no more', () => {
    const { open, journal } = opened();
    journal.record(head)('1').sealed('expected XML, got none');
    expect(open().unfinished()).toMatchObject([{ sealed: true, error: 'expected XML, got none' }]);
  });

  test('is for its owner only: fields may be credentials', () => {
    const { time, folder, journal } = opened();
    const record = journal.record(head)('1');
    record.added(['a\nauthorization:x']);
    record.done(0);
    time.advance(1_000);
    const modes = ['', '1.jsonl', '1.done'].map((name) => statSync(join(folder, name)).mode & 0o777);
    expect(modes).toEqual([0o700, 0o600, 0o600]);
  });

  test('forgets what is over, and a job of which not even the head is whole', () => {
    const { folder, open, journal } = opened();
    journal.record(head)('1').ended();
    writeFileSync(join(folder, '2.jsonl'), '{"cause":"pub');
    expect([open().unfinished(), readdirSync(folder)]).toEqual([[], []]);
  });

  test('reads over a torn line', () => {
    const { folder, open } = opened();
    const dir = open().unfinished();
    writeFileSync(join(folder, '1.jsonl'), `${JSON.stringify(head)}\n"a"\n"b`);
    expect([dir, open().unfinished()]).toMatchObject([[], [{ texts: ['a'], sealed: false }]]);
  });

  test('keeps count of many places', () => {
    const { time, open, journal } = opened();
    const record = journal.record(head)('1');
    const texts = Array.from({ length: 5_000 }, (_, at) => String(at));
    record.added(texts);
    for (let place = 4_998; place >= 0; place--) record.done(place);
    time.advance(1_000);
    expect(open().unfinished()[0]?.texts).toEqual(['4999']);
  });

  test('a disk that takes nothing costs the resumption, and no more', () => {
    const faults: unknown[] = [];
    const file = join(mkdtempSync(join(tmpdir(), 'tidegate-')), 'file');
    writeFileSync(file, '');
    const record = new PopulateJournal(
      join(file, 'populate'),
      new SimulatedTime(),
      (error) => void faults.push(error),
    ).record(head)('1');
    record.added(['a']);
    record.sealed();
    expect(faults).toHaveLength(3);
  });
});
