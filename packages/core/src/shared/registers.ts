import { canonicalJson } from "./canonical-json.ts";

/**
 * What sources tell of one thing, folded. None of them promises order or a single delivery, so each field is a register in
 * which the newest word by the source's own time wins (a last-writer-wins register): the end is the same in whatever order,
 * however often and however late the words come. Values are whatever JSON can hold.
 */
export interface Word<Value> {
  /** The source's time, in milliseconds since 1970. */
  readonly atMs: number;
  /** Of words with the same time the higher rank is the later: a run that has ended did not begin after it. */
  readonly rank: number;
  readonly fields: Readonly<Record<string, Value>>;
}

/** The value of a field, with the version that it came with. */
export interface Register<Value> {
  readonly value: Value;
  readonly atMs: number;
  readonly rank: number;
}
export type Registers<Value> = Readonly<Record<string, Register<Value>>>;

/** Whether `a` is the later word: by time, by rank, and where both are equal by the value itself, so that it is always the same one. */
function isLater<Value>(a: Register<Value>, b: Register<Value>): boolean {
  if (a.atMs !== b.atMs) return a.atMs > b.atMs;
  if (a.rank !== b.rank) return a.rank > b.rank;
  return canonicalJson(a.value) > canonicalJson(b.value);
}

/** Takes one word in. Answers the state itself when it says nothing newer. */
export function fold<Value>(state: Registers<Value>, word: Word<Value>): Registers<Value> {
  let next: Record<string, Register<Value>> | null = null;
  for (const [name, value] of Object.entries(word.fields)) {
    const register: Register<Value> = { value, atMs: word.atMs, rank: word.rank };
    const known = Object.hasOwn(state, name) ? state[name] : undefined;
    if (known && !isLater(register, known)) continue;
    next ??= { ...state };
    next[name] = register;
  }
  return next ?? state;
}

/** A field of a state; null while nobody has told of it. */
export const registerValue = <Value>(state: Registers<Value>, name: string): Value | null =>
  Object.hasOwn(state, name) ? (state[name]?.value ?? null) : null;
