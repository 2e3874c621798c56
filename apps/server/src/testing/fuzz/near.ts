import type { Schema } from "./description.ts";
import { KNOWN_FIELDS } from "./known-fields.ts";
import { Known, Raw, type Value } from "./value.ts";

/** Requests that are almost right: one place of a valid one is changed. */
export interface Place {
  readonly path: readonly (string | number)[];
  readonly schema: Schema;
  readonly value: Value;
}

/** Deeper than any parser or writer that calls itself may go. */
const DEPTH = 20_000;
const LONG = 10_000;
/** Also over what an index of PostgreSQL takes (2,704 bytes), without repeating itself: it compresses. */
const UNLIKE = unlike(LONG);
const NESTED = new Raw("[".repeat(DEPTH) + "]".repeat(DEPTH));
const NESTED_OBJECTS = new Raw(`${'{"a":'.repeat(DEPTH)}1${"}".repeat(DEPTH)}`);

/** Characters in an order without repetition: the low bits of a linear congruential generator would repeat, the high ones don't. */
function unlike(length: number): string {
  let state = 1;
  return Array.from({ length }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return String.fromCharCode(97 + ((state >>> 16) % 26));
  }).join("");
}

const isObject = (value: Value): value is { readonly [key: string]: Value } =>
  typeof value === "object" &&
  value !== null &&
  !Array.isArray(value) &&
  !(value instanceof Known || value instanceof Raw);

/** Of several schemas the one that a value keeps to, as far as its constants tell. */
function branchOf(schema: Schema, value: Value): Schema {
  const constantsFit = (one: Schema) =>
    Object.entries(one.properties ?? {}).every(
      ([key, member]) => member.const === undefined || (isObject(value) && value[key] === member.const),
    );
  const branches = schema.anyOf ?? schema.oneOf ?? [];
  return branches.find((one) => one.type !== "null" && constantsFit(one)) ?? schema;
}

/** Every place of a value, with its schema, the whole first. */
export function placesOf(schema: Schema, value: Value, path: Place["path"] = []): Place[] {
  const own: Place[] = [{ path, schema, value }];
  const branch = branchOf(schema, value);
  if (Array.isArray(value))
    return own.concat(value.flatMap((member: Value, i) => placesOf(branch.items ?? {}, member, [...path, i])));
  if (!isObject(value)) return own;
  return own.concat(
    Object.entries(value).flatMap(([key, member]) => {
      const more = typeof branch.additionalProperties === "object" ? branch.additionalProperties : {};
      return placesOf(branch.properties?.[key] ?? more, member, [...path, key]);
    }),
  );
}

/** The value with another at that place. */
export function putAt(value: Value, path: Place["path"], other: Value): Value {
  const [step, ...rest] = path;
  if (step === undefined) return other;
  if (Array.isArray(value)) return value.map((member: Value, i) => (i === step ? putAt(member, rest, other) : member));
  if (!isObject(value)) return other;
  return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, k === step ? putAt(v, rest, other) : v]));
}

/** A change that may be one too many for the schema, by name. */
export type Change = readonly [what: string, value: Value];

const ANYWHERE: readonly Change[] = [
  ["null", null],
  ["a number for it", 7],
  ["a text for it", "seven"],
  ["a truth for it", true],
  ["a list for it", []],
  ["an object for it", {}],
  ["a number that is too large for JSON", new Raw("1e400")],
  ["NaN", new Raw("NaN")],
  ["NaN in quotes", "NaN"],
  ["a list in a list, very deep", NESTED],
  ["an object in an object, very deep", NESTED_OBJECTS],
];

/** What may be put at a place in its stead. */
export function changesAt({ schema, value }: Place): Change[] {
  const changes: Change[] = [...ANYWHERE];
  if (schema.type === "string") changes.push(...textChanges(schema));
  if (schema.type === "integer" || schema.type === "number") changes.push(...numberChanges(schema));
  if (schema.enum)
    changes.push(["another word", "none_of_these"], ["a word in capitals", String(schema.enum[0]).toUpperCase()]);
  if (Array.isArray(value)) {
    const first: Value = value[0] ?? "a";
    changes.push(["too many members", Array.from({ length: (schema.maxItems ?? 100) + 1 }, () => first)]);
    changes.push(["a member less", value.slice(1)], ["a hole", [...value, null]]);
  }
  if (isObject(value)) {
    for (const key of Object.keys(value).filter((name) => !KNOWN_FIELDS[name]?.isOnly)) {
      const { [key]: _, ...rest } = value;
      changes.push([`no ${key}`, rest]);
    }
    changes.push(["a field too many", { ...value, colour: "red" }]);
    changes.push(["a field named __proto__", { ...value, ["__proto__"]: { isAdmin: true } }]);
    changes.push(["a field named constructor", { ...value, constructor: { prototype: { isAdmin: true } } }]);
    changes.push(["a name that is long", { ...value, [UNLIKE]: 1 }]);
  }
  return changes;
}

function textChanges(schema: Schema): Change[] {
  const max = schema.maxLength ?? LONG;
  return [
    ["no text", ""],
    ["as long as it may be", "x".repeat(max)],
    ["a character too long", "x".repeat(max + 1)],
    ["very long", UNLIKE],
    ["a blank", " "],
    ["half a surrogate pair", "a\ud800"],
    ["U+0000", "a\0b"],
    ["a line break", "a\r\nb"],
  ];
}

function numberChanges(schema: Schema): Change[] {
  const { minimum: min = Number.MIN_SAFE_INTEGER, maximum: max = Number.MAX_SAFE_INTEGER } = schema;
  return [
    ["the smallest", min],
    ["the largest", max],
    ["less than the smallest", min - 1],
    ["more than the largest", max + 1],
    ["a fraction", min + 0.5],
    ["an empty text", ""],
    ["a number in quotes", "5"],
    ["a hexadecimal number", "0x10"],
    ["a number with an exponent", "1e2"],
    ["beyond exact numbers", 2 ** 60],
    ["huge", 1e308],
    ["minus nought", new Raw("-0")],
  ];
}

/** What is done to a whole body when it is written down. */
export const SPOILS: Readonly<Record<string, (text: string) => string>> = {
  "cut off": (text) => text.slice(0, Math.floor(text.length / 2)),
  "a comma too many": (text) => `${text.slice(0, -1)},}`,
  "a name twice": (text) =>
    text.startsWith("{") && text.length > 2 ? `${text.slice(0, -1)},${text.slice(1)}` : "{}{}",
  "text behind it": (text) => `${text} x`,
  "a byte order mark": (text) => `\ufeff${text}`,
  "nothing at all": () => "",
  "single quotes": (text) => text.replaceAll('"', "'"),
  "too large": (text) => `${text.slice(0, -1)}${" ".repeat(1_100_000)}}`,
  "a form": () => "name=a&role=owner",
  "a bare text": () => '"text"',
  "a list": (text) => `[${text}]`,
};
