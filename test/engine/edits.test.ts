import { expect, test } from 'vitest';
import { editedResponse } from '../../src/engine/answers/edits.ts';
import type { Route } from '../../src/engine/contract.ts';

const route = { responseFields: { remove: new Set(), set: [] } } as unknown as Route;

test('a route that edits nothing leaves the list of fields as it is', () => {
  const fields = ['date', 'Mon, 23 Nov 2026 15:00:00 GMT', 'etag', '"a"'];
  expect(editedResponse({ status: 200, fields }, route, 0).fields).toBe(fields);
});
