// Which request fields claim another target than the one in the cache key.

import { describe, expect, test } from 'vitest';
import { claimOf } from '../../src/semantics/fields.ts';

describe('a field of a request', () => {
  test.each([
    'x-original-url',
    'x-original-path',
    'x-rewrite-path',
    'x-override-url',
    'x-host',
    'x-real-host',
    'x-backend-host',
    'x-http-host-override',
    'x-http-method-override',
    'x-http-path-override',
    'x-http-destinationurl',
    'x-request-uri',
    'x-ms-original-url',
    'x-envoy-original-path',
    'x-forward-proto',
    'x-forwarded-anything',
    'base-url',
    'request-uri',
    'x_original_path',
    'x-middleware-subrequest',
    'x-invoke-path',
    'x-accel-mapping',
  ])('%s claims another target', (name) => {
    expect(claimOf(name)).toBe(name.includes('_') ? 'repeat' : 'override');
  });

  test.each([
    'host',
    'origin',
    'x-forwarded-for',
    'x-requested-with',
    'x-request-id',
    'x-real-ip',
    'hx-current-url',
    'x-goog-resource-uri',
    'x-shopify-shop-domain',
    'x-api-key',
    'access-control-request-method',
    'sec-fetch-dest',
    'destination',
  ])('%s does not', (name) => {
    expect(claimOf(name)).toBeUndefined();
  });
});
