// Taking multipart/byteranges apart (RFC 9110 §14.6), without the functions of src/semantics.

/** Bytes that an answer says are those from `first` to `last` of a representation. */
export interface Slice {
  readonly first: number;
  readonly last: number;
  readonly body: Uint8Array;
}

/** The slices of a multipart body, or what is wrong with it. */
export function multipartSlices(body: Uint8Array, type: string, wholeLength: number): Slice[] | string {
  const boundary = /boundary=(\S+)/.exec(type)?.[1];
  if (boundary === undefined) return 'a multipart 206 without a boundary';
  const text = Buffer.from(body).toString('latin1');
  if (!text.endsWith(`\r\n--${boundary}--\r\n`)) return 'a multipart 206 without its end';
  const slices: Slice[] = [];
  let at = 0;
  for (;;) {
    const start = text.indexOf(`\r\n--${boundary}\r\n`, at);
    if (start < 0) return slices.length > 0 ? slices : 'a multipart 206 without a part';
    const content = text.indexOf('\r\n\r\n', start) + 4;
    const range = /content-range: bytes (\d+)-(\d+)\/(\d+)/i.exec(text.slice(start, content));
    if (range === null || Number(range[3]) !== wholeLength) return 'a part whose Content-Range does not fit';
    const first = Number(range[1]);
    const last = Number(range[2]);
    at = content + last - first + 1;
    slices.push({ first, last, body: body.subarray(content, at) });
  }
}
