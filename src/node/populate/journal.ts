// Writes jobs down, so that they go on after a restart: a file of JSON lines for each, and a second file with the
// number of its first places that are done.
//
// Nothing here needs to survive exactly. A repeated fill finds a fresh entry and is skipped; so nothing is synced, a
// torn last line is left out, and a disk that accepts no writes costs only the resumption.

import { appendFileSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { JobRecord, JobSpec } from '../../engine/populate/job.ts';
import type { Tasks } from '../../ports.ts';
import { makeFolders } from '../../store/disk/node-folder.ts';

export interface WrittenJob {
  readonly spec: JobHead;
  readonly texts: readonly string[];
  /** Whether its source had come to its end. */
  readonly sealed: boolean;
  /** Why its source ended early. */
  readonly error: string | undefined;
  /** Call this when it is under way again under another name. */
  readonly forget: () => void;
}

export type JobHead = Pick<JobSpec, 'cause' | 'name' | 'concurrency' | 'ratePerSecond'>;

/** The files may hold credentials: fields that clients send. */
const FOLDER_MODE = 0o700;
const FILE_MODE = 0o600;
/** Interval between writes of the count of done places. */
const PROGRESS_MS = 1_000;

export class PopulateJournal {
  readonly #folder: string;
  readonly #tasks: Tasks;
  readonly #fault: (error: unknown) => void;
  #closed = false;

  /** `fault`: called for a file that could not be read or written. */
  constructor(folder: string, tasks: Tasks, fault: (error: unknown) => void) {
    this.#folder = folder;
    this.#tasks = tasks;
    this.#fault = fault;
  }

  /** The jobs that were under way when the gate ended. */
  unfinished(): WrittenJob[] {
    const jobs: WrittenJob[] = [];
    this.#attempt(() => {
      makeFolders(this.#folder, FOLDER_MODE);
      const names = readdirSync(this.#folder).filter((file) => file.endsWith('.jsonl'));
      for (const name of names.sort()) {
        const job = readJob(join(this.#folder, name.slice(0, -'.jsonl'.length)));
        if (job !== undefined) jobs.push(job);
      }
    });
    return jobs;
  }

  /** Writes no more counts: another process may own the files from now on. */
  close(): void {
    this.#closed = true;
  }

  /** Begins to write a job down. */
  record({ cause, name, concurrency, ratePerSecond }: JobHead): (id: string) => JobRecord {
    const head = JSON.stringify({ cause, name, concurrency, ratePerSecond });
    return (id) => {
      const path = join(this.#folder, id);
      this.#attempt(() => {
        makeFolders(this.#folder, FOLDER_MODE);
        writeFileSync(`${path}.jsonl`, `${head}\n`, { mode: FILE_MODE });
      });
      return this.#recordAt(path);
    };
  }

  #recordAt(path: string): JobRecord {
    /** All places before it are done, and these after it. */
    let first = 0;
    const later = new Set<number>();
    let planned = false;
    let ended = false;
    const append = (lines: string) => this.#attempt(() => appendFileSync(`${path}.jsonl`, lines, { mode: FILE_MODE }));
    return {
      added: (texts) => append(texts.map((text) => `${JSON.stringify(text)}\n`).join('')),
      sealed: (error) => append(`${JSON.stringify({ sealed: true, error })}\n`),
      done: (index) => {
        later.add(index);
        while (later.delete(first)) first++;
        if (planned) return;
        planned = true;
        this.#tasks.later(PROGRESS_MS, () => {
          planned = false;
          if (!ended && !this.#closed)
            this.#attempt(() => writeFileSync(`${path}.done`, String(first), { mode: FILE_MODE }));
        });
      },
      ended: () => {
        ended = true;
        this.#attempt(() => remove(path));
      },
    };
  }

  #attempt(act: () => void): void {
    try {
      act();
    } catch (error) {
      this.#fault(error);
    }
  }
}

function remove(path: string): void {
  for (const end of ['.jsonl', '.done']) rmSync(path + end, { force: true });
}

/** Returns undefined when not even its head is there. */
function readJob(path: string): WrittenJob | undefined {
  const [head, ...rest] = readFileSync(`${path}.jsonl`, 'utf8').split('\n').map(parsed);
  const forget = () => remove(path);
  if (typeof head !== 'object' || head === null || !('cause' in head)) {
    forget();
    return undefined;
  }
  const texts = rest.filter((line) => typeof line === 'string');
  const seal = rest.find((line) => typeof line === 'object' && line !== null && 'sealed' in line);
  const error = (seal as { readonly error?: string } | undefined)?.error;
  const done = existsSync(`${path}.done`) ? Number(readFileSync(`${path}.done`, 'utf8')) || 0 : 0;
  const left = texts.slice(done).filter((text) => text !== '');
  return { spec: head as JobHead, texts: left, sealed: seal !== undefined, error, forget };
}

/** Returns undefined for a torn line. */
function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
