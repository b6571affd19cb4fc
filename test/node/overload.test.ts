import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, test, vi } from 'vitest';
import { TidegateError } from '../../src/errors.ts';
import { Overload, type PressureReading, processPressure } from '../../src/node/overload.ts';
import type { Origin, OriginListener, OriginRequest } from '../../src/ports.ts';
import { manualTime } from './manual-time.ts';

const CALM: PressureReading = { event_loop: 3, heap: 0.2, descriptors: 0.1 };
const REQUEST: OriginRequest = { method: 'GET', target: '/', fields: [], body: undefined, retryable: true };

function watched(bounds: PressureReading = { event_loop: 500, heap: 0.9, descriptors: 0.9 }) {
  const time = manualTime();
  const readings: (PressureReading | Error)[] = [];
  const changed = vi.fn<(short: readonly string[], reading: PressureReading) => void>();
  const fault = vi.fn();
  const overload = new Overload({
    ...{ bounds, tasks: time.tasks, changed, fault },
    read: async () => {
      const reading = readings.shift() ?? CALM;
      if (reading instanceof Error) throw reading;
      return reading;
    },
  });
  const forward = vi.fn<Origin['forward']>(() => ({ abort() {}, pause() {}, resume() {} }));
  const origin = overload.guard({ forward });
  overload.start();
  const look = async (reading: PressureReading | Error) => {
    readings.push(reading);
    time.advance(500);
    await new Promise((done) => setImmediate(done));
  };
  const ask = () => {
    const failed = vi.fn<OriginListener['failed']>();
    const running = origin.forward(REQUEST, { interim() {}, head() {}, data() {}, end() {}, failed });
    return { failed, running };
  };
  return { overload, time, changed, fault, forward, look, ask };
}

describe('overload', () => {
  test.each([
    ['event_loop', { ...CALM, event_loop: 500 }],
    ['heap', { ...CALM, heap: 0.95 }],
    ['descriptors', { ...CALM, descriptors: 0.9 }],
  ] as const)('sheds what would go to an origin while %s is short', async (pressure, reading) => {
    const { overload, look, ask, forward, changed } = watched();
    ask();
    expect(forward).toHaveBeenCalledTimes(1);
    await look(reading);
    expect(changed.mock.lastCall?.[0]).toEqual([pressure]);
    expect(overload.state).toEqual({ event_loop: 0, heap: 0, descriptors: 0, [pressure]: 1 });
    const { failed } = ask();
    expect(failed).not.toHaveBeenCalled();
    await Promise.resolve();
    expect(failed.mock.lastCall?.[0]).toBeInstanceOf(TidegateError);
    expect(failed.mock.lastCall?.[0]).toMatchObject({ code: 'E_OVERLOAD', retryAfterMs: 5_000 });
    expect(forward).toHaveBeenCalledTimes(1);
    expect(overload.shed).toBe(1);
    await look(CALM);
    ask();
    expect(forward).toHaveBeenCalledTimes(2);
    expect(changed.mock.lastCall?.[0]).toEqual([]);
  });

  test('goes on until there is clear relief', async () => {
    const { overload, look, changed } = watched();
    for (const event_loop of [499, 500, 450, 401, 399]) await look({ ...CALM, event_loop });
    expect(changed.mock.calls.map(([short]) => short.length)).toEqual([1, 0]);
    expect(overload.state.event_loop).toBe(0);
  });

  test('sheds nothing for a bound of 0', async () => {
    const { look, ask, forward } = watched({ event_loop: 0, heap: 0, descriptors: 0 });
    await look({ event_loop: 60_000, heap: 1, descriptors: 1 });
    ask();
    expect(forward).toHaveBeenCalledTimes(1);
  });

  test('tells an aborted forward nothing', async () => {
    const { look, ask } = watched();
    await look({ ...CALM, heap: 1 });
    const { failed, running } = ask();
    running.abort();
    await Promise.resolve();
    expect(failed).not.toHaveBeenCalled();
  });

  test('goes on after a reading that failed, and ends with stop', async () => {
    const { overload, look, fault, time, changed } = watched();
    await look(new Error('no such file'));
    expect(fault).toHaveBeenCalledTimes(1);
    await look({ ...CALM, heap: 1 });
    expect(changed).toHaveBeenCalledTimes(1);
    overload.stop();
    expect(time.pending()).toBe(0);
    await look(CALM);
    expect(time.pending()).toBe(0);
  });

  test('reads this process', async () => {
    const read = processPressure();
    const reading = await read();
    expect(reading.heap).toBeGreaterThan(0);
    expect(reading.heap).toBeLessThan(1);
    if (process.platform === 'linux') expect(reading.descriptors).toBeGreaterThan(0);
    expect(reading.descriptors).toBeLessThan(1);
    expect(reading.event_loop).toBeGreaterThanOrEqual(0);
  });

  // To count descriptors takes one, so the count itself fails where none is left.
  test.runIf(process.platform === 'linux')('a process without a descriptor left is short of them', async () => {
    const script = `
      import { openSync } from 'node:fs';
      import { processPressure } from './src/node/overload.ts';
      const read = processPressure();
      const before = await read();
      try { for (;;) openSync('/dev/null'); } catch {}
      const none = processPressure();
      const short = [await read(), await none()].map(({ descriptors }) => descriptors);
      process.stdout.write(JSON.stringify([before.descriptors, ...short]));`;
    const command = 'ulimit -n 100 && exec "$0" --input-type=module -e "$1"';
    const { stdout } = await promisify(execFile)('sh', ['-c', command, process.execPath, script]);
    const [before, ...short] = JSON.parse(stdout);
    expect(before).toBeLessThan(0.9);
    expect(short).toEqual([1, 1]);
  });
});
