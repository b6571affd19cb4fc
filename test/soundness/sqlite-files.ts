// Connections to other databases than the file that the feed follows: a copy of it in another folder, one in memory, and
// the file itself by another path.

import { mkdirSync, symlinkSync } from 'node:fs';
import { basename, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Connected, Connections, Kind, Parts } from './connection-world.ts';
import { BETTER, type Connection, type Driver, LIBSQL, NODE } from './sqlite-drivers.ts';

/** Nothing keeps its rows open, so it is its own twin. */
function connected({ tracker }: Parts, raw: Connection, state: string): Connected {
  return { wrapped: [tracker.wrap(raw)], twin: raw, state: () => state };
}

class Files implements Connections {
  readonly all: readonly Connected[];
  readonly writers: readonly DatabaseSync[];
  readonly #raws: readonly Connection[];

  constructor(parts: Parts) {
    const { dice, path, folder, outside } = parts;
    const driver = (): Driver => dice.pick([NODE, BETTER, LIBSQL]);
    const copy = join(folder, 'other', basename(path));
    mkdirSync(join(folder, 'other'));
    outside.exec(`VACUUM INTO '${copy}'`);
    symlinkSync(path, `${path}.link`);
    const memory = new DatabaseSync(':memory:');
    const bytes = outside.serialize();
    // There is no log beside a database in memory.
    bytes[18] = bytes[19] = 1;
    memory.deserialize(bytes);
    this.#raws = [path, `${path}.link`, copy, copy].map((at) => new (driver())(at));
    const [followed, linked, other, another] = this.#raws as [Connection, Connection, Connection, Connection];
    this.all = [
      connected(parts, followed, 'the file followed'),
      connected(parts, linked, 'the file by a link'),
      connected(parts, other, 'another file'),
      connected(parts, another, 'another file'),
      connected(parts, memory as never, 'in memory'),
    ];
    this.writers = [new DatabaseSync(copy), memory];
  }

  act(): number {
    return 0;
  }

  end(): void {
    for (const one of [...this.#raws, ...this.writers]) one.close();
  }
}

export const FILES: Kind = {
  name: 'files',
  stored: ['the file followed', 'the file by a link'],
  open: (parts) => new Files(parts),
};
