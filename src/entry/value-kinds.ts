// The kinds of values that can be kept: how each is told, copied, and counted.
//
// The one complication: a value may come from another realm (a test runner's, a vm context), where Object and Array are
// not the same. Plain objects and arrays of any realm are taken; all else only from this one.

/** Object, its shape shared: header, and room for values outside it. */
const OBJECT_BYTES = 40;
const SLOT_BYTES = 8;
/** Without a prototype it is a table. */
const TABLE_SLOT_BYTES = 48;
const COLLECTION_BYTES = 200;
const MEMBER_BYTES = 40;
const NUMBER_BYTES = 16;
const STRING_BYTES = 16;
/** A view, its buffer, and where that stands. */
const BINARY_BYTES = 240;
export const INSTANCE_BYTES = 96;

/** Characters looked at to tell whether a string takes one byte a character, or two. */
const SAMPLES = 8;

/** True of `{}` and what has no prototype. */
export function isPlainObject(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === Object.prototype || prototype === null) return true;
  return Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype as object, 'isPrototypeOf');
}

export function isPlainArray(value: object): value is unknown[] {
  if (!Array.isArray(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Array.prototype || (Array.isArray(prototype) && prototypeName(value) === 'Array');
}

const TypedArray = Object.getPrototypeOf(Uint8Array) as { readonly prototype: object };

/** A copy of what has no parts; undefined: it is of no known kind. */
export function leafCopy(value: object): object | undefined {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === Date.prototype) return new Date((value as Date).getTime());
  if (prototype === RegExp.prototype) return new RegExp(value as RegExp);
  if (prototype === ArrayBuffer.prototype) {
    return (value as ArrayBuffer).detached ? undefined : (value as ArrayBuffer).slice();
  }
  if (!ArrayBuffer.isView(value)) return undefined;
  if (prototype === DataView.prototype) {
    const { buffer, byteOffset, byteLength } = value as DataView;
    return new DataView(buffer.slice(byteOffset, byteOffset + byteLength));
  }
  // Of a Buffer the method of that name shares its bytes; this one copies, and gives a Buffer.
  const isKnown = Object.getPrototypeOf(prototype) === TypedArray.prototype || isBuffer(value);
  return isKnown ? Uint8Array.prototype.slice.call(value) : undefined;
}

/** Of what `leafCopy` copies. */
export function leafBytes(value: object): number {
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return BINARY_BYTES + value.byteLength;
  return INSTANCE_BYTES;
}

/** Node's Buffer, which this room does not know by name. */
function isBuffer(value: object): boolean {
  const maker = value.constructor as unknown as { readonly isBuffer?: (value: object) => boolean } | undefined;
  return prototypeName(value) === 'Buffer' && maker?.isBuffer?.(value) === true;
}

/** An object or array with so many slots, without what they hold. */
export function containerBytes(value: object, slots: number): number {
  return OBJECT_BYTES + slots * (Object.getPrototypeOf(value) === null ? TABLE_SLOT_BYTES : SLOT_BYTES);
}

/** A Map or Set of this size, without what it holds. */
export function collectionBytes(size: number): number {
  return COLLECTION_BYTES + size * MEMBER_BYTES;
}

/** What a primitive takes besides its slot. */
export function primitiveBytes(value: unknown): number {
  switch (typeof value) {
    case 'string':
      return stringBytes(value);
    case 'number':
      return (value | 0) === value ? 0 : NUMBER_BYTES;
    case 'bigint':
      return NUMBER_BYTES + bigintBytes(value);
    default:
      return 0;
  }
}

function stringBytes(text: string): number {
  const { length } = text;
  const step = length <= SAMPLES ? 1 : Math.floor(length / SAMPLES);
  for (let at = 0; at < length; at += step) if (text.charCodeAt(at) > 0xff) return STRING_BYTES + 2 * length;
  return STRING_BYTES + length;
}

function bigintBytes(value: bigint): number {
  return BigInt.asIntN(64, value) === value ? SLOT_BYTES : value.toString(16).length / 2;
}

/** For a message: what was got that is of no known kind. */
export function describe(value: object): string {
  const name = prototypeName(value);
  return name === undefined || name === '' ? 'an instance of a class without a name' : `an instance of ${name}`;
}

function prototypeName(value: object): string | undefined {
  const prototype = Object.getPrototypeOf(value) as { readonly constructor?: { readonly name?: unknown } } | null;
  const name = prototype?.constructor?.name;
  return typeof name === 'string' ? name : undefined;
}

/** `.rows[3]["odd key"]`; empty for the value itself. */
export function pathText(steps: readonly (string | number)[]): string {
  return steps.map(stepText).join('');
}

function stepText(step: string | number): string {
  if (typeof step === 'number') return `[${step}]`;
  return /^(?:[A-Za-z_$][\w$]*|<.*>)$/.test(step) ? `.${step}` : `[${JSON.stringify(step)}]`;
}
