import fc, { type Arbitrary } from "fast-check";
import type { Operation, Schema } from "./description.ts";
import { HOSTILE_PARTS, HOSTILE_QUERIES, HOSTILE_TEXTS, TRICKS, type Trick } from "./hostile.ts";
import { type Change, changesAt, type Place, placesOf, putAt, SPOILS } from "./near.ts";
import { type Request, requestsOf } from "./valid.ts";
import { Raw, type Value } from "./value.ts";

/** One request of the fuzz, before it is written down. */
export type Kind = "valid" | "near" | "hostile";
export interface Case {
  readonly operation: Operation;
  readonly kind: Kind;
  /** In words: what is wrong with it. */
  readonly what: string;
  readonly request: Request;
  /** In place of the query. */
  readonly rawQuery?: string;
  /** Of SPOILS: what is done to the body's text. */
  readonly spoil?: string;
  readonly trick?: Trick;
  /** Idempotency-Key: clients send one with every write; one that comes again is one of few. */
  readonly key?: string;
}

const validOf = (operation: Operation): Arbitrary<Case> =>
  fc
    .tuple(requestsOf(operation), fc.oneof(fc.constant(""), fc.uuid(), fc.constantFrom("a", "b")))
    .map(([request, key]) => ({ operation, kind: "valid", what: "nothing", request, ...(key === "" ? {} : { key }) }));

/** Many small numbers: they choose among what a request has places for, which isn't known before it is made. */
const choice = fc.nat(1_000_000);
const pick = <T>(from: readonly T[], n: number): T => {
  const chosen = from[n % from.length];
  if (chosen === undefined) throw new Error("There is nothing to choose from.");
  return chosen;
};

/** Puts something else at one place of the query or the body. */
function changed(one: Case, kind: Kind, where: number, changesFor: (place: Place) => Change[], which: number): Case {
  const { operation, request } = one;
  const inBody = operation.body ? placesOf(operation.body, request.body ?? null) : [];
  const queryHasFields = Object.keys(operation.query.properties ?? {}).length > 0;
  const inQuery = queryHasFields ? placesOf(operation.query, request.query) : [];
  const at = where % Math.max(1, inBody.length + inQuery.length);
  const place = inBody[at] ?? inQuery[at - inBody.length];
  if (!place) return { ...one, kind, what: "a query that it has no use for", rawQuery: "colour=red" };
  const [what, value] = pick(changesFor(place), which);
  const words = `${place.path.join(".") || "all of it"}: ${what}`;
  if (at < inBody.length)
    return { ...one, kind, what: words, request: { ...request, body: putAt(request.body ?? null, place.path, value) } };
  const query = putAt(request.query, place.path, value);
  return { ...one, kind, what: words, request: { ...request, query: query as Readonly<Record<string, Value>> } };
}

function nearOf(operation: Operation): Arbitrary<Case> {
  return fc.tuple(validOf(operation), choice, choice, fc.nat(9)).map(([one, where, which, spoils]) => {
    if (spoils > 0 || !operation.body) return changed(one, "near", where, changesAt, which);
    const spoil = pick(Object.keys(SPOILS), which);
    return { ...one, kind: "near", what: `the body: ${spoil}`, spoil };
  });
}

const TEXT_CHANGES: Change[] = HOSTILE_TEXTS.map((text) => [JSON.stringify(text).slice(0, 60), text]);

function hostileOf(operation: Operation): Arbitrary<Case> {
  return fc.tuple(validOf(operation), choice, choice, fc.nat(9)).map(([one, where, which, how]): Case => {
    if (how < 3) {
      const trick = pick(TRICKS, which);
      return { ...one, kind: "hostile", what: trick.what, trick };
    }
    if (how < 6 && operation.params.length > 0) {
      const name = pick(operation.params, where);
      const part = pick(HOSTILE_PARTS, which);
      const params = { ...one.request.params, [name]: part };
      const words = part instanceof Raw ? part.text : String(part);
      return { ...one, kind: "hostile", what: `${name}: ${words.slice(0, 60)}`, request: { ...one.request, params } };
    }
    if (how === 6) return { ...one, kind: "hostile", what: "the query", rawQuery: pick(HOSTILE_QUERIES, which) };
    return changed(one, "hostile", where, onlyTexts, which);
  });
}

const isText = (schema: Schema): boolean => schema.type === "string" || schema.anyOf?.some(isText) === true;
const onlyTexts = (place: Place): Change[] =>
  isText(place.schema) ? TEXT_CHANGES : [...TEXT_CHANGES, ...changesAt(place)];

/** Building a release takes a hundred times as long as any other request, and so does walking a ledger of thousands. */
const COSTLY = ["ship", "verifyLedger"];

/** Requests of all operations: valid, almost valid, hostile. */
export function casesOf(operations: readonly Operation[]): Arbitrary<Case> {
  return fc.oneof(
    ...operations.map((operation) => ({
      weight: COSTLY.includes(operation.id) ? 1 : 4,
      arbitrary: caseOf(operation),
    })),
  );
}

export function caseOf(operation: Operation): Arbitrary<Case> {
  return fc.oneof(validOf(operation), nearOf(operation), hostileOf(operation));
}

export { validOf as validCaseOf };
