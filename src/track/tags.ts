// The names that a source's statements go by in caches: short, lower case, the same each time.
//
// Two statements may come by the same name, in one case of 2^32 among four billion. Then a change for one invalidates both;
// nothing else depends on names being different.

export function queryTag(template: string, parameters: readonly unknown[]): string {
  let text = template;
  for (const parameter of parameters) {
    const part = parameterText(parameter);
    text += `\0${part.length}:${part}`;
  }
  return `q${hash64(text)}`;
}

/** Coarser ones: of a statement with any parameters, of a table, of all of a source. */
export function templateTag(template: string): string {
  return `t${hash64(template)}`;
}

export function tableTag(source: string, table: string): string {
  return `r${hash64(`${source}\0${table}`)}`;
}

/** Of what is read of single rows of a table: all of it, and that of the rows that have a value in a column. */
export function rowsTag(source: string, table: string): string {
  return `s${hash64(`${source}\0${table}`)}`;
}

/** `key`: of the value, as comparisons take it. */
export function rowTag(
  source: string,
  table: string,
  { column, key }: { readonly column: number; readonly key: string },
) {
  return `k${hash64(`${source}\0${table}\0${column}\0${key}`)}`;
}

export function anyChangeTag(source: string): string {
  return `a${hash64(source)}`;
}

export function randomName(random: () => number): string {
  const part = () =>
    Math.floor(random() * 36 ** 7)
      .toString(36)
      .padStart(7, '0');
  return part() + part();
}

/** Whole numbers are the same however a driver wants them. */
function parameterText(value: unknown): string {
  switch (typeof value) {
    case 'number':
    case 'bigint':
      return `n${value}`;
    case 'string':
      return `s${value}`;
    case 'boolean':
      return value ? 'b1' : 'b0';
    default:
      return objectText(value);
  }
}

function objectText(value: unknown): string {
  if (value === null || value === undefined) return '0';
  if (value instanceof Date) return `d${value.getTime()}`;
  if (value instanceof ArrayBuffer) return objectText(new Uint8Array(value));
  if (ArrayBuffer.isView(value)) {
    return `x${Array.from(new Uint8Array(value.buffer, value.byteOffset, value.byteLength)).join()}`;
  }
  if (Array.isArray(value)) return `l${value.map(parameterText).join('\0')}`;
  // Only its kind counts: how a driver converts it is unknown here.
  return 'o';
}

/** Two of 32 bits side by side (FNV-1a and a multiplicative one), mixed; in base 36. */
function hash64(text: string): string {
  let one = 0x811c9dc5;
  let other = 0x9e3779b9;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    one = Math.imul(one ^ unit, 0x01000193);
    other = Math.imul(other ^ unit ^ (other >>> 15), 0x85ebca6b);
  }
  return ((BigInt(mixed(other ^ one)) << 32n) | BigInt(mixed(one))).toString(36);
}

function mixed(value: number): number {
  let hash = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
