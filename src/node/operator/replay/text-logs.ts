// Logs of a line of text for each exchange: the combined and common formats of nginx and Apache, and CSV.

import { amountOf, type LogRecord, placeOf, type ReadLine, timeOf } from './log-record.ts';

const QUOTED = '"((?:[^"\\\\]|\\\\.)*)"';
/** `[host ]address ident user [time] "request" status bytes[ "referrer" "agent"][ more]`. */
const COMBINED = new RegExp(
  `^(?:(\\S+) )?\\S+ \\S+ (\\S+) \\[([^\\]]+)\\] ${QUOTED} (\\d{3}) (\\d+|-)(?: ${QUOTED} ${QUOTED})?(.*)$`,
);

/** A number behind the usual fields, also as `rt=0.123`. */
const DURATION = /(?:^|\s)(?:[a-z_]+=)?"?(\d+(?:\.\d+)?)"?(?=\s|$)/;

/** The first number behind the usual fields is the time: with a point in seconds, as nginx has it, else in µs, as Apache's %D. */
export const combined: ReadLine = (line) => {
  const parts = COMBINED.exec(line);
  if (parts === null) return 'a line in the combined format';
  const [, vhost, user, date, request, status, bytes, , , rest] = parts as unknown as (string | undefined)[];
  const timeMs = logTime(date as string);
  if (timeMs === undefined) return 'a time such as 10/Oct/2026:13:55:36 +0000';
  const [method = '', url = ''] = unescaped(request as string).split(' ');
  const place = placeOf(url);
  if (place === undefined || !/^[A-Z]{1,20}$/.test(method)) return 'a request such as GET /path HTTP/1.1';
  const taken = DURATION.exec(rest ?? '')?.[1];
  return {
    timeMs,
    method,
    host: place.host ?? vhost?.toLowerCase(),
    target: place.target,
    status: Number(status),
    bytes: Number(bytes) || 0,
    originMs: taken === undefined ? undefined : Number(taken) * (taken.includes('.') ? 1000 : 0.001),
    // A name of HTTP's own authentication. Without one there may still be a token or a cookie.
    hasCredentials: user === '-' ? undefined : true,
    fields: undefined,
    responseFields: undefined,
  };
};

const MONTHS = 'JanFebMarAprMayJunJulAugSepOctNovDec';

function logTime(text: string): number | undefined {
  const [, day, month, year, hour, minute, second, sign, offHours, offMinutes] =
    /^(\d\d)\/(\w{3})\/(\d{4}):(\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)$/.exec(text) ?? [];
  const at = MONTHS.indexOf(month ?? '?');
  if (at < 0) return timeOf(text);
  const utc = Date.UTC(Number(year), at / 3, Number(day), Number(hour), Number(minute), Number(second));
  const offset = (Number(offHours) * 60 + Number(offMinutes)) * 60_000;
  return sign === '-' ? utc + offset : utc - offset;
}

/** nginx writes `\x22`, Apache `\"` too. */
function unescaped(text: string): string {
  if (!text.includes('\\')) return text;
  return text.replace(/\\(?:x([0-9A-Fa-f]{2})|(.))/g, (_, hex: string | undefined, char: string) =>
    hex === undefined ? char : String.fromCharCode(Number.parseInt(hex, 16)),
  );
}

const CSV_NAMES = {
  time: ['time', 't', 'timestamp', 'date'],
  method: ['method'],
  url: ['path', 'url', 'uri', 'target'],
  host: ['host'],
  status: ['status'],
  bytes: ['bytes', 'size'],
  ms: ['ms', 'durationms', 'duration_ms'],
  credentials: ['credentials'],
} as const;
type CsvColumn = keyof typeof CSV_NAMES;

/** The reader of a CSV with this first line; undefined: it names too little. */
export function csvReader(header: string): ReadLine | undefined {
  const names = header.split(',').map((name) =>
    name
      .trim()
      .replace(/\(.*\)$/, '')
      .toLowerCase(),
  );
  const placeIn = (column: CsvColumn) =>
    names.findIndex((name) => (CSV_NAMES[column] as readonly string[]).includes(name));
  const at = Object.fromEntries(Object.keys(CSV_NAMES).map((column) => [column, placeIn(column as CsvColumn)])) as {
    readonly [column in CsvColumn]: number;
  };
  if (at.time < 0 || at.url < 0 || at.status < 0) return undefined;
  return (line) => csvRecord(cellsOf(line, names.length, at.url), at);
}

/** Commas that are too many belong to the URL, unless it is quoted. */
function cellsOf(line: string, count: number, urlAt: number): string[] {
  const cells = line.match(/"(?:[^"]|"")*"|[^,]+|(?<=,|^)(?=,|$)/g) ?? [];
  const plain = cells.map((cell) => (cell.startsWith('"') ? cell.slice(1, -1).replaceAll('""', '"') : cell));
  const more = plain.length - count;
  return more <= 0 ? plain : plain.toSpliced(urlAt, more + 1, plain.slice(urlAt, urlAt + more + 1).join(','));
}

function csvRecord(cells: readonly string[], at: { readonly [column in CsvColumn]: number }): LogRecord | string {
  const cell = (column: CsvColumn) => cells[at[column]];
  const timeMs = timeOf(cell('time'));
  const place = placeOf(cell('url') ?? '');
  const status = amountOf(cell('status'));
  if (timeMs === undefined || place === undefined || status === undefined) return 'a time, a URL and a status';
  const credentials = cell('credentials');
  return {
    timeMs,
    method: cell('method') ?? 'GET',
    host: place.host ?? (cell('host') || undefined),
    target: place.target,
    status,
    bytes: amountOf(cell('bytes')) ?? 0,
    originMs: amountOf(cell('ms')),
    hasCredentials: credentials === undefined || credentials === '' ? undefined : !/^(?:0|false|no)$/.test(credentials),
    fields: undefined,
    responseFields: undefined,
  };
}
