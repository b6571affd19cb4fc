// Content codings by node:zlib, on the platform's threads. At these levels, coding a body takes little more time than
// sending it; the result is used many times, but each change of the content discards it.

import { promisify } from 'node:util';
import { brotliCompress, constants, gzip, zstdCompress } from 'node:zlib';
import type { Compress } from '../ports.ts';

const BROTLI_QUALITY = 4;
const GZIP_LEVEL = 6;
const ZSTD_LEVEL = 3;

const brotli = promisify<Uint8Array, object, Buffer>(brotliCompress);
const gzipped = promisify<Uint8Array, object, Buffer>(gzip);
const zstd = promisify<Uint8Array, object, Buffer>(zstdCompress);

export const nodeCompress: Compress = (coding, body) => {
  switch (coding) {
    case 'br':
      return brotli(body, {
        params: {
          [constants.BROTLI_PARAM_QUALITY]: BROTLI_QUALITY,
          [constants.BROTLI_PARAM_SIZE_HINT]: body.length,
        },
      });
    case 'gzip':
      return gzipped(body, { level: GZIP_LEVEL });
    case 'zstd':
      // The window stays within the 8 MB that clients need to allow (RFC 9659), as no body is larger.
      return zstd(body, {
        params: { [constants.ZSTD_c_compressionLevel]: ZSTD_LEVEL },
        pledgedSrcSize: body.length,
      });
  }
};
