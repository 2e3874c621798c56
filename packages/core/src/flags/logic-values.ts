/**
 * How JSON logic (jsonlogic.com) treats values, in the form flagd's evaluator for JavaScript has it: what an operator can't
 * work with fails the evaluation, instead of becoming NaN.
 */

/** An evaluation that failed. Thrown within an evaluation only: the one who gets it is answered an error. */
export class LogicFailure extends Error {}
export function fail(message: string): never {
  throw new LogicFailure(message);
}

/** Empty lists and empty objects are false; the text "0" is true. */
export function isTruthy(value: unknown): boolean {
  if (!value) return false;
  if (Array.isArray(value)) return value.length > 0;
  return typeof value !== "object" || Object.keys(value).length > 0;
}

/** A number; a list, an object or a text that is none fails. */
export function numberOf(value: unknown): number {
  if (typeof value === "object" && value !== null) fail("a list or an object is no number");
  const number = Number(value);
  return Number.isNaN(number) ? fail("not a number") : number;
}
/** A sum may pass through NaN only to fail at its end. */
export const checked = (number: number): number => (Number.isNaN(number) ? fail("not a number") : number);

export type Comparison = "==" | "!=" | "<" | "<=" | ">" | ">=";
/**
 * Two texts are compared as they are; with anything else both must be numbers. Null is nothing but null, or 0 to a number.
 * Not so where the right side `isAsked`, an attribute: what is no number is then not equal, not less and not more, and fails
 * nothing. flagd's evaluator for JavaScript has it so.
 */
export function holds(comparison: Comparison, left: unknown, right: unknown, isAsked = false): boolean {
  if (comparison === "!=") return !holds("==", left, right, isAsked);
  if (typeof left === "string" && typeof right === "string") return ordered(comparison, left, right);
  const isLoose = isTextOrNull(right) && (isAsked || isTextOrNull(left));
  if (isLoose && comparison === "==" && (left === null || right === null)) return left === right;
  const [a, b] = isLoose ? [left, right] : [isAsked ? left : numberOf(left), numberOf(right)];
  if (isAsked && comparison === "==" && left === null) return false;
  const [c, d] = [plain(a), plain(b)];
  return typeof c === "string" && typeof d === "string"
    ? ordered(comparison, c, d)
    : ordered(comparison, Number(c), Number(d));
}
/** A list or an object as a text; a text that is no number is in no relation to one. */
const plain = (value: unknown): unknown => (typeof value === "object" && value !== null ? String(value) : value);
const isTextOrNull = (value: unknown): value is string | null => typeof value === "string" || value === null;
function ordered<T extends string | number>(comparison: Comparison, a: T, b: T): boolean {
  if (comparison === "<") return a < b;
  if (comparison === "<=") return a <= b;
  if (comparison === ">") return a > b;
  return comparison === ">=" ? a >= b : a === b;
}

/** Part of a text: from a place (from the end, below 0), so many characters (or without so many at the end, below 0). */
export function part(text: unknown, from: unknown, length: unknown): string {
  if (typeof text !== "string") return fail("substr needs a text");
  const start = whole(from);
  const rest = text.slice(start < 0 ? Math.max(0, text.length + start) : start);
  if (length === undefined) return rest;
  const isFromEnd = Number(length) < 0;
  return rest.slice(0, isFromEnd ? Math.max(0, whole(rest.length + Number(length))) : whole(length));
}
const whole = (value: unknown): number => {
  const number = Number(value);
  return Number.isNaN(number) ? 0 : Math.trunc(number);
};

/** Whether a list has a value, or a text another. */
export function isIn(value: unknown, within: unknown): boolean {
  if (!within) return false;
  if (Array.isArray(within)) return within.includes(value);
  return typeof within === "string" ? within.includes(String(value)) : fail("in needs a list or a text");
}

/** A value by its path; undefined where there is none. Only what is the value's own. */
export function readPath(from: unknown, path: readonly string[]): unknown {
  let value = from;
  for (const name of path) {
    if (value === null || value === undefined || !Object.hasOwn(value, name)) return undefined;
    value = (value as Record<string, unknown>)[name];
  }
  return value;
}
