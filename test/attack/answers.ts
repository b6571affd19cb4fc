// Reads answers off a connection of HTTP/1.1.

export interface Reply {
  readonly status: number;
  /** Names in lower case. */
  readonly fields: readonly (readonly [name: string, value: string])[];
  readonly body: string;
  /** False while bytes of it are still to come. */
  readonly whole: boolean;
}

/** The values of a field, joined with `, `; empty when it is not there. */
export function fieldOf({ fields }: Pick<Reply, 'fields'>, name: string): string {
  return fields
    .filter(([each]) => each === name)
    .map(([, value]) => value)
    .join(', ');
}

/** Answers one after another, interim ones among them. `methods`: of the requests, where HEAD is among them. */
export function repliesOf(text: string, methods: readonly string[] = [], ended = false): Reply[] {
  const replies: Reply[] = [];
  const left = [...methods];
  for (let at = 0; at < text.length; ) {
    const headEnd = text.indexOf('\r\n\r\n', at);
    if (headEnd < 0) break;
    const [line = '', ...lines] = text.slice(at, headEnd).split('\r\n');
    const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(line)?.[1] ?? Number.NaN);
    const fields = lines.map((each) => {
      const colon = each.indexOf(':');
      return [each.slice(0, colon).toLowerCase(), each.slice(colon + 1).trim()] as const;
    });
    const method = status < 200 ? 'HEAD' : left.shift();
    const hasContent = method !== 'HEAD' && status !== 204 && status !== 304;
    const content = hasContent ? contentOf(text, headEnd + 4, { fields, ended }) : { body: '', end: headEnd + 4 };
    replies.push({ status, fields, body: content.body, whole: content.end !== undefined });
    if (content.end === undefined || Number.isNaN(status)) break;
    at = content.end;
  }
  return replies;
}

interface Content {
  readonly body: string;
  readonly end: number | undefined;
}

function contentOf(
  text: string,
  start: number,
  { fields, ended }: Pick<Reply, 'fields'> & { ended: boolean },
): Content {
  if (fieldOf({ fields }, 'transfer-encoding').toLowerCase() === 'chunked') return chunkedContent(text, start);
  const length = fieldOf({ fields }, 'content-length');
  if (length === '') return { body: text.slice(start), end: ended ? text.length : undefined };
  const end = start + Number(length);
  return { body: text.slice(start, end), end: end <= text.length ? end : undefined };
}

function chunkedContent(text: string, start: number): Content {
  let body = '';
  for (let at = start; ; ) {
    const lineEnd = text.indexOf('\r\n', at);
    const size = lineEnd < 0 ? Number.NaN : Number.parseInt(text.slice(at, lineEnd), 16);
    if (Number.isNaN(size)) return { body, end: undefined };
    if (size === 0) {
      const trailersEnd = text.startsWith('\r\n', lineEnd + 2) ? lineEnd : text.indexOf('\r\n\r\n', lineEnd + 2);
      return { body, end: trailersEnd < 0 ? undefined : trailersEnd + 4 };
    }
    body += text.slice(lineEnd + 2, lineEnd + 2 + size);
    at = lineEnd + 2 + size + 2;
    if (at > text.length) return { body, end: undefined };
  }
}
