// Values as bytes, for tiers that keep bytes.

/** Turns owned values into bytes and back. What comes back is owned as well. */
export interface OwnedCodec {
  /** Marks the record: bytes written under another name are not read, and count as a miss. */
  readonly name: string;
  encode(value: unknown): Uint8Array;
  /** Throws when the bytes are not what `encode` wrote. */
  decode(bytes: Uint8Array): unknown;
}
