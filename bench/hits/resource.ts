// The one resource that all servers of the bench `hits` answer with, and the requests for it.

/** Path and query of the resource. */
export const TARGET = '/articles/2024/how-caches-keep-their-promises?page=2';

const BODY_BYTES = 2048;

export const body = Buffer.from('Tidegate serves what is true now. '.repeat(BODY_BYTES).slice(0, BODY_BYTES));

/** Fields of the origin's answer besides Date, as a flat array of names and values. */
export const originFields: readonly string[] = [
  ...['content-type', 'text/html; charset=utf-8'],
  ...['content-length', String(BODY_BYTES)],
  ...['cache-control', 'max-age=3600'],
  ...['etag', '"5f3a-61c0b7e2d9f40"'],
  ...['last-modified', 'Tue, 05 Mar 2024 10:12:31 GMT'],
  ...['content-language', 'en'],
  ...['server', 'origin/1.0'],
  ...['x-request-id', '0b6f3f0e-9d3d-4a53-8f6e-4c1a2d7be610'],
];

/** The fields of a request besides Host. */
export interface RequestHead {
  readonly name: string;
  readonly fields: readonly (readonly [string, string])[];
}

export const plainHead: RequestHead = { name: 'plain', fields: [] };

/** As a browser sends it. Without cookies: Varnish, as it comes, caches nothing for a request that has one. */
export const browserHead: RequestHead = {
  name: 'browser',
  fields: [
    ['Connection', 'keep-alive'],
    ['sec-ch-ua', '"Chromium";v="130", "Not?A_Brand";v="99"'],
    ['sec-ch-ua-platform', '"Linux"'],
    [
      'User-Agent',
      'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36',
    ],
    ['Accept', 'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8'],
    ['Sec-Fetch-Site', 'same-origin'],
    ['Sec-Fetch-Mode', 'navigate'],
    ['Referer', 'http://127.0.0.1/articles/2024/'],
    ['Accept-Encoding', 'gzip, deflate, br, zstd'],
    ['Accept-Language', 'en-GB,en;q=0.9,de;q=0.8'],
  ],
};
