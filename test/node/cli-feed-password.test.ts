// A password is shown in no message, and takes no words out of one.

import { expect, test } from 'vitest';
import { withoutPassword } from '../../src/node/operator/cli/feed-source.ts';

test.each([
  ['a', 'expected a table public.late, got an array'],
  ['expected', 'expected a role with the right REPLICATION, got app without it'],
  ['5432', 'expected a server at db.example:5432, got ECONNREFUSED 127.0.0.1:54321'],
  ['E', 'E_FEED: expected a slot, got none'],
])('the password %s leaves the text %s as it is', (password, text) => {
  expect(withoutPassword(text, `postgres://app:${password}@db.example:5432/shop`)).toBe(text);
});

test.each([
  ['postgres://app:s3cret@db/shop', 'got postgres://app:s3cret@db/shop', 'got (not shown)'],
  ['postgres://app:a@db/shop', 'got app:a@db, a host', 'got app:(not shown)@db, a host'],
  ['postgres://app:p%40ss@db/shop', 'got p@ss, and p%40ss', 'got (not shown), and (not shown)'],
  ['postgres://app@db/shop?password=a', 'got password=a and a', 'got password=(not shown) and a'],
  ['postgres://app:Tr0ub@db/shop', 'user "app" with "Tr0ub"; Tr0ubadour', 'user "app" with "(not shown)"; Tr0ubadour'],
])('of the connection %s', (connection, text, shown) => {
  expect(withoutPassword(text, connection)).toBe(shown);
});
