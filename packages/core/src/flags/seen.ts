import type { EvaluationContext } from "./model.ts";
import { murmur3 } from "./murmur3.ts";

/**
 * A sample of the users who asked, each as likely as the other however often they asked: those whose hashes are the lowest
 * (bottom-k sketch; Cohen & Kaplan, "Summarizing data using bottom-k sketches", PODC 2007, section 2). The samples of
 * several days or servers together give the sample of all.
 */
export interface SeenUser {
  /** Unsigned, 32 bits. */
  readonly hash: number;
  readonly context: EvaluationContext;
}
/** So many of a day: a share of 50 % is then known to plus or minus 4.4 % (1.96 * sqrt(0.25 / 500)). */
export const SEEN_MAX = 500;

const hashUser = murmur3("seen users\n");
/** The place of a user in the sample's order. It is another hash than any flag's, so that no flag's share is favoured. */
export const seenHash = (targetingKey: string): number => hashUser(targetingKey);

/** The sample of all from samples of parts: each user once, with the context that was given last in the list. */
export function mergeSeen(parts: readonly SeenUser[], most: number = SEEN_MAX): SeenUser[] {
  const byHash = new Map(parts.map((one) => [one.hash, one]));
  return [...byHash.values()].sort((a, b) => a.hash - b.hash).slice(0, most);
}

/** How many users there are: exact while the sample has them all, else from how dense it is, (k - 1) / the greatest hash. */
export function estimateUsers(sample: readonly SeenUser[], most: number = SEEN_MAX): number {
  if (sample.length < most) return sample.length;
  const last = sample.at(-1)?.hash ?? 0;
  return last === 0 ? sample.length : Math.round(((sample.length - 1) * 2 ** 32) / last);
}

/** The users of a day as they come: who is among the lowest hashes, each once. It forgets who is not. */
export class SeenSample {
  readonly #hashes = new Set<number>();
  #limit = 2 ** 32;
  #last = "";

  /** The user as it may be kept, if it is new to the sample. `newKey` makes what stands for the true key. */
  note(context: EvaluationContext, newKey: () => string): SeenUser | null {
    const { targetingKey } = context;
    // Most evaluations are of the same user as the one before.
    if (typeof targetingKey !== "string" || targetingKey === this.#last) return null;
    this.#last = targetingKey;
    const hash = seenHash(targetingKey);
    return this.add(hash) ? { hash, context: withoutIdentity(context, newKey()) } : null;
  }

  /** False when the hash is too high, or there already. */
  add(hash: number): boolean {
    if (hash > this.#limit || this.#hashes.has(hash)) return false;
    this.#hashes.add(hash);
    // Not at each one: a set is sorted in the time of many additions.
    if (this.#hashes.size >= SEEN_MAX * 2) {
      const lowest = [...this.#hashes].sort((a, b) => a - b).slice(0, SEEN_MAX);
      this.#limit = lowest.at(-1) ?? this.#limit;
      this.#hashes.clear();
      for (const one of lowest) this.#hashes.add(one);
    }
    return hash <= this.#limit;
  }
}

const ATTRIBUTES_MAX = 30;
const CHARACTERS_MAX = 80;
/** Attributes that say who somebody is. */
const PERSONAL =
  /^(.*[._-])?(e?mail|(first|last|full|user|display|sur)?[._-]?name|phone|mobile|tel|ip|address|street|ssn|birth.*|token|session|cookie|password)$/i;

/** What a text of PostgreSQL's JSON can't hold: the character 0, and half of a pair of UTF-16. */
const UNSTORABLE = /\0|\p{Surrogate}/u;
/** Never in the middle of a pair. */
const cut = (text: string): string => text.slice(0, CHARACTERS_MAX).replace(/\p{Surrogate}$/u, "");

/**
 * What is kept of a context: what rules may ask for, and nobody's identity. The key is another one, which falls into
 * any share as likely as the true one; of what looks like an e-mail address the domain stays, behind that key; what is named
 * after a person is left out, and so is what is long.
 */
export function withoutIdentity(context: EvaluationContext, key: string): EvaluationContext {
  const kept: Record<string, unknown> = { targetingKey: key };
  for (const [name, value] of Object.entries(context).slice(0, ATTRIBUTES_MAX)) {
    const plain = name === "targetingKey" ? undefined : plainValue(name, value, { key, depth: 0 });
    if (plain !== undefined) kept[cut(name)] = plain;
  }
  return kept;
}
function plainValue(name: string, value: unknown, o: { readonly key: string; readonly depth: number }): unknown {
  const within = { ...o, depth: o.depth + 1 };
  if (UNSTORABLE.test(name)) return undefined;
  if (typeof value === "boolean" || (typeof value === "number" && Number.isFinite(value)))
    return PERSONAL.test(name) ? undefined : value;
  if (typeof value === "string") {
    if (UNSTORABLE.test(value)) return undefined;
    const at = value.lastIndexOf("@");
    if (at >= 0) return `${o.key}${cut(value.slice(at))}`;
    return PERSONAL.test(name) || value.length > CHARACTERS_MAX ? undefined : value;
  }
  if (typeof value !== "object" || value === null || o.depth > 1) return undefined;
  if (Array.isArray(value))
    return value
      .slice(0, ATTRIBUTES_MAX)
      .map((one) => plainValue(name, one, within))
      .filter((one) => one !== undefined);
  return Object.fromEntries(
    Object.entries(value)
      .slice(0, ATTRIBUTES_MAX)
      .map(([inner, one]) => [cut(inner), plainValue(inner, one, within)] as const)
      .filter(([, one]) => one !== undefined),
  );
}
