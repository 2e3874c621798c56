/**
 * Personal text as it is stored: encrypted with the key of the person that it is of, in a form that may stand anywhere
 * in a sentence and in JSON without being escaped. Whoever shows it puts what it says in its place.
 */
declare const sealed: unique symbol;
/** Text whose personal parts are encrypted: made by sealing only. */
export type Sealed = string & { readonly [sealed]: true };

/** `sealed(<person's id>.<base64url of nonce, ciphertext and tag>)`. */
export const SEALED = /sealed\(sub_[0-9a-f]{32}\.[A-Za-z0-9_-]{38,}\)/g;
const MARK = "sealed(sub_";
/** Where the person's id stands: after "sealed(", and "sub_" and 32 digits long. */
const ID = [7, 7 + 36] as const;

/** Fast, for texts that mostly hold nothing sealed. */
export const holdsSealed = (text: string): boolean => text.includes(MARK);
export const sealedForm = (subjectId: string, bytesBase64url: string): Sealed =>
  `sealed(${subjectId}.${bytesBase64url})` as Sealed;

/** Whose text this is, when it is one sealed text and nothing else. */
export function subjectOf(text: string): string | null {
  return text.match(SEALED)?.[0] === text ? text.slice(...ID) : null;
}

/** Whether a shown value can be the written one, read by somebody who may: all that is not sealed must be the same. */
export function showsTheSame(written: unknown, shown: unknown): boolean {
  if (typeof written === "string" && typeof shown === "string") return showsText(written, shown);
  if (typeof written !== "object" || written === null || typeof shown !== "object" || shown === null)
    return written === shown;
  if (Array.isArray(written) !== Array.isArray(shown)) return false;
  const names = Object.keys(written).sort();
  if (names.join("\n") !== Object.keys(shown).sort().join("\n")) return false;
  return names.every((name) =>
    showsTheSame((written as Record<string, unknown>)[name], (shown as Record<string, unknown>)[name]),
  );
}

function showsText(written: string, shown: string): boolean {
  if (!holdsSealed(written)) return written === shown;
  const literal = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  const parts = written.split(SEALED);
  return new RegExp(`^${parts.map(literal).join("[\\s\\S]*")}$`).test(shown);
}
