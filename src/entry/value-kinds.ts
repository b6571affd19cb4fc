// The kinds of values that can be kept: how to recognise and copy each. value-bytes.ts has their memory.
//
// A value may come from another realm (a test runner's, a vm context) with its own Object and Array. Plain objects and
// arrays of any realm are taken; all other kinds only from this one.

/** Whether it is like `{}` or has no prototype. */
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

/** A copy of a value without parts; returns undefined for an unknown kind. */
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
  // Buffer's own method of that name shares the bytes; this one copies, and gives a Buffer.
  const isKnown = Object.getPrototypeOf(prototype) === TypedArray.prototype || isBuffer(value);
  return isKnown ? Uint8Array.prototype.slice.call(value) : undefined;
}

interface TemporalClass {
  readonly prototype: object;
  from(value: object): object;
}

declare const Temporal: object;

/** The platform's Temporal classes; an older one has none. */
const TEMPORAL: readonly TemporalClass[] = Object.values(
  Object.getOwnPropertyDescriptors(typeof Temporal === 'undefined' ? {} : Temporal),
).flatMap(({ value }) => (typeof value === 'function' ? [value as TemporalClass] : []));

/** A Temporal value is immutable, so it is shared. Returns undefined for any other value. */
export function temporalCopy(value: object): object | undefined {
  const prototype: unknown = Object.getPrototypeOf(value);
  const made = TEMPORAL.find((each) => each.prototype === prototype);
  return made && Object.freeze(made.from(value));
}

/** Node's Buffer, which this room does not know by name. */
function isBuffer(value: object): boolean {
  const maker = value.constructor as unknown as { readonly isBuffer?: (value: object) => boolean } | undefined;
  return prototypeName(value) === 'Buffer' && maker?.isBuffer?.(value) === true;
}

/** Describes a value of an unknown kind, for a message. */
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
