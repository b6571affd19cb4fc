// AbortSignal where the platform's types have one: the main entry is to compile without any platform's types.

/** The platform's AbortSignal. */
export type Signal = typeof globalThis extends { AbortSignal: { prototype: infer Known } } ? Known : UnknownSignal;

interface UnknownSignal {
  readonly aborted: boolean;
  readonly reason: unknown;
}
