// What is known within one parenthesis of a statement, while it is scanned.

export type Expected = 'read' | 'write' | undefined;

export interface Frame {
  /** What a comma is followed by. */
  list: Expected;
  expected: Expected;
  /** The function whose arguments these are. */
  readonly call: string | undefined;
  /** The member of a WITH list that this is: nothing but what follows sees it. */
  readonly member: string | undefined;
  /** Members of WITH lists that relations of the same name are hidden by from here on. */
  readonly local: Set<string>;
  isRecursive: boolean;
  /** Of the member that is about to begin. */
  next: string | undefined;
}

export const frameOf = (list: Expected, call?: string, member?: string): Frame => ({
  list,
  expected: list,
  call,
  member,
  local: new Set(),
  isRecursive: false,
  next: undefined,
});
