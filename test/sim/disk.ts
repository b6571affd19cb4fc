// The disk of a simulated site: what it holds outlives the processes. It takes its time, runs full for a while, and what
// befalls it between two processes is told here: a kill, a power cut, damage to any file.

import type { DiskFile, DiskFolder, Manifest } from '../../src/store/disk/contract.ts';
import { DiskError, MemoryFolder } from '../kit/memory-folder.ts';
import { MemoryManifest } from '../kit/memory-manifest.ts';
import type { SimulatedProcess } from '../kit/simulated-process.ts';
import { timedFolder, timedManifest } from '../kit/timed-disk.ts';
import type { Dice } from './dice.ts';

/** What a process has of the disk. */
export interface OpenDisk {
  readonly folder: DiskFolder;
  readonly manifest: Manifest;
}

export class SimulatedDisk {
  readonly #folder = new MemoryFolder();
  readonly #dice: Dice;
  readonly #delayMs: number;
  #manifest = new MemoryManifest();
  /** As it was at an earlier crash. */
  #older: MemoryManifest | undefined;

  constructor(dice: Dice, settings: { readonly delayMs: number; readonly portion: number }) {
    this.#dice = dice;
    this.#delayMs = settings.delayMs;
    this.#manifest.portion = settings.portion;
  }

  open(process: SimulatedProcess): OpenDisk {
    const wait = this.#waitOf(process);
    return { folder: timedFolder(this.#folder.attach(), wait), manifest: timedManifest(this.#manifest, wait) };
  }

  /** As another process beside the owner reads it. */
  beside(process: SimulatedProcess): DiskFolder {
    return timedFolder(this.#folder.attach(), this.#waitOf(process));
  }

  #waitOf(process: SimulatedProcess): () => Promise<void> {
    return () => process.pause(this.#dice.below(this.#delayMs + 1));
  }

  crash(how: 'kill' | 'power cut'): void {
    const random = () => this.#dice.next();
    if (how === 'kill') this.#folder.kill();
    else this.#folder.cutPower({ random });
    const older = this.#manifest.restarted();
    this.#manifest = how === 'kill' ? this.#manifest.restarted() : this.#manifest.restarted(random);
    if (this.#older === undefined || this.#dice.chance(0.5)) this.#older = older;
  }

  /** Something happens to a file or to the manifest; returns what. */
  async damage(): Promise<string> {
    const dice = this.#dice;
    const names = this.#folder.names();
    const kind = dice.weighted({
      flip: 5,
      cut: 3,
      remove: 3,
      swap: 2,
      'set the manifest back': 2,
      'lose the manifest': 1,
    });
    if (kind === 'lose the manifest') {
      const { portion } = this.#manifest;
      this.#manifest = new MemoryManifest();
      this.#manifest.portion = portion;
      return kind;
    }
    if (kind === 'set the manifest back') {
      if (this.#older !== undefined) this.#manifest = this.#older.restarted();
      return kind;
    }
    if (names.length === 0) return 'nothing';
    if (kind === 'swap') return this.#copy(names.filter((name) => name.includes('/')));
    const name = dice.chance(0.5) ? dice.pick(names) : (names.find((one) => !one.includes('/')) ?? dice.pick(names));
    const size = this.#folder.size(name);
    if (kind === 'remove') await this.#folder.remove(name);
    else if (kind === 'cut') this.#folder.cutTo(name, dice.below(size + 1));
    else
      for (let flips = dice.between(1, 4); flips > 0; flips--)
        this.#folder.flip(name, dice.below(size + 1), dice.below(8));
    return `${kind} ${name}`;
  }

  /** One segment gets the content of another. */
  #copy(names: readonly string[]): string {
    if (names.length < 2) return 'nothing';
    const [from, to] = [this.#dice.pick(names), this.#dice.pick(names)];
    const [source, target] = [from, to].map((name) => this.#folder.open(name, { create: false })) as [
      DiskFile,
      DiskFile,
    ];
    const bytes = Buffer.alloc(source.size());
    source.readNow(bytes, 0);
    // Damage asks for no room.
    const { capacityBytes } = this.#folder;
    this.#folder.capacityBytes = Number.POSITIVE_INFINITY;
    target.writeNow(bytes, 0);
    target.truncate(bytes.length);
    this.#folder.capacityBytes = capacityBytes;
    return `swap ${to} for ${from}`;
  }

  /** Full, but for a few bytes. */
  fill(): void {
    this.#folder.capacityBytes = this.#folder.bytes() + this.#dice.pick([0, 0, 40, 300]);
    if (this.#dice.chance(0.5)) this.#manifest.failing = new DiskError('ENOSPC');
  }

  free(): void {
    this.#folder.capacityBytes = Number.POSITIVE_INFINITY;
    this.#manifest.failing = undefined;
  }
}
