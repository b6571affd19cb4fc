// The contract of a change feed, on SQLite in each journal mode.

import { describe } from 'vitest';
import { FEED_TABLES, testChangeFeedContract } from '../contract/change-feed.ts';
import { SqliteWorld } from './sqlite-world.ts';

describe.each(['wal', 'delete'])('the feed of SQLite, journal mode %s', (journal) => {
  testChangeFeedContract(async () => {
    const world = new SqliteWorld(FEED_TABLES, journal);
    await world.install();
    world.writer.exec('PRAGMA busy_timeout = 5000');
    return {
      makeFeed: () => world.feed(),
      write: async (...statements) => world.transaction(...statements),
      truncateUsers: async () => world.writer.exec('DELETE FROM users'),
      async loseLog() {
        await world.remove();
        await world.install();
      },
      close: async () => world.close(),
    };
  });
});
