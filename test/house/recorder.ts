// Which functions of `src/` are called in this process, and in its threads, as V8 counts them.
//
// Each thread has a V8 of its own. So each loads this file first (`--import`), records by itself, and hands its counts over
// when it is asked.

import { type Profiler, Session } from 'node:inspector';
import { BroadcastChannel, isMainThread, threadId } from 'node:worker_threads';

/** Functions by their file's path in the repository, each as where it stands and its name. */
export type Called = Map<string, Set<string>>;

type Message =
  | { readonly kind: 'began'; readonly thread: number }
  | { readonly kind: 'take' }
  | { readonly kind: 'taken'; readonly thread: number; readonly scripts: Profiler.ScriptCoverage[] };

/** The counts of this thread; they begin at once. */
class Counts {
  readonly #session = new Session();

  constructor() {
    this.#session.connect();
    this.#session.post('Profiler.enable');
    this.#session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: false });
  }

  /** Since the last time, of files alone. */
  take(): Profiler.ScriptCoverage[] {
    let scripts: Profiler.ScriptCoverage[] | undefined;
    // Within a thread the answer comes before this returns.
    this.#session.post('Profiler.takePreciseCoverage', (error, taken) => {
      if (error === null) scripts = taken.result;
    });
    if (scripts === undefined) throw new Error('expected coverage at once, got none');
    return scripts.filter(({ url }) => url.startsWith('file:'));
  }
}

const counts = new Counts();
const channel = new BroadcastChannel('house');
const tell = (message: Message): void => channel.postMessage(message);

if (!isMainThread) {
  channel.unref();
  listen((message) => {
    if (message.kind === 'take') tell({ kind: 'taken', thread: threadId, scripts: counts.take() });
  });
  tell({ kind: 'began', thread: threadId });
}

function listen(hear: (message: Message) => void): void {
  channel.onmessage = (event) => hear((event as unknown as { readonly data: Message }).data);
}

/** For the main thread; it asks the others as well. */
export class Recorder {
  readonly #folder: string;
  readonly #root: string;
  readonly #threads = new Set<number>();
  #taken: (thread: number, scripts: Profiler.ScriptCoverage[]) => void = () => undefined;

  /** `root`: URL of the checkout, which ends with `/`. */
  constructor(root: string) {
    this.#root = root;
    this.#folder = `${root}src/`;
    listen((message) => {
      if (message.kind === 'began') this.#threads.add(message.thread);
      if (message.kind === 'taken') this.#taken(message.thread, message.scripts);
    });
  }

  /** The functions called since the last time. */
  async take(): Promise<Called> {
    const called: Called = new Map();
    for (const script of counts.take()) this.#add(script, called);
    for (const script of await this.#takeFromThreads()) this.#add(script, called);
    return called;
  }

  #takeFromThreads(): Promise<Profiler.ScriptCoverage[]> {
    const waiting = new Set(this.#threads);
    const all: Profiler.ScriptCoverage[] = [];
    if (waiting.size === 0) return Promise.resolve(all);
    return new Promise((resolve) => {
      this.#taken = (thread, scripts) => {
        waiting.delete(thread);
        all.push(...scripts);
        if (waiting.size === 0) resolve(all);
      };
      tell({ kind: 'take' });
    });
  }

  #add({ url, functions }: Profiler.ScriptCoverage, called: Called): void {
    if (!url.startsWith(this.#folder)) return;
    const path = url.slice(this.#root.length);
    for (const { functionName, ranges } of functions) {
      const range = ranges[0];
      // A function that begins where the file begins is the module itself.
      if (range === undefined || range.count === 0 || range.startOffset === 0) continue;
      const known = called.get(path) ?? new Set();
      called.set(path, known.add(`${range.startOffset} ${functionName}`));
    }
  }
}
