// Responses whose driver is not wrapped, or is wrapped beside one that is not.

import type { DatabaseSync } from 'node:sqlite';
import type { UnseenRace } from './unseen.ts';
import { cellsOf } from './unseen-world.ts';

const SQL = 'SELECT * FROM items WHERE id = ?';
const item = (db: DatabaseSync, id: number) => db.prepare(SQL).get(id);

export const UNSEEN_DRIVER: UnseenRace = {
  name: 'a driver that is not wrapped',
  cells: () =>
    cellsOf([
      { name: 'wrapped', isStored: true, application: (parts) => (id) => item(parts.wrapped, id) },
      { name: 'not wrapped', isStored: false, application: (parts) => (id) => item(parts.unwrapped, id) },
      {
        name: 'not wrapped, beside a ping of a wrapped one',
        isStored: false,
        application: (parts) => (id) => {
          parts.wrapped.prepare('SELECT 1').get();
          return item(parts.unwrapped, id);
        },
      },
      {
        name: 'not wrapped, behind a static handler that hands on',
        isStored: false,
        application: (parts) => {
          const files = parts.tracker.static((_: number, next: () => unknown) => next());
          return (id) => files(id, () => item(parts.unwrapped, id));
        },
      },
      {
        name: 'not wrapped, in a batch and in a memo',
        isStored: false,
        application: ({ tracker, unwrapped, wrapped }) => {
          const loader = tracker.loader(async (ids: readonly number[]) => ids.map((id) => item(unwrapped, id)));
          const memo = tracker.memo((id: number) => item(unwrapped, id));
          return async (id) => {
            item(wrapped, 1);
            return id % 2 === 0 ? loader.load(id) : memo(id);
          };
        },
      },
    ]),
};
