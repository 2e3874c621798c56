import fc, { type Arbitrary } from "fast-check";
import type { Operation, Schema } from "./description.ts";
import { type Field, KNOWN_FIELDS } from "./known-fields.ts";
import type { Value } from "./value.ts";

/** Requests that keep to the description, made from its schemas. */
export interface Request {
  readonly params: Readonly<Record<string, Value>>;
  readonly query: Readonly<Record<string, Value>>;
  readonly body: Value | undefined;
}

const KEYWORDS = new Set([
  ...["$schema", "type", "enum", "const", "anyOf", "oneOf", "default", "format", "pattern", "minLength", "maxLength"],
  ...["minimum", "maximum", "items", "minItems", "maxItems", "properties", "required", "additionalProperties"],
  ...["propertyNames", "contentEncoding"],
]);
const TEXT_MAX = 30;
/** Arrays are this much longer than they must be, at most. */
const MORE_ITEMS = 2;
/** Numbers are mostly near the smallest: those near the largest are tried as often as these two together. */
const SMALL = 200;

/** Values that a schema allows. A keyword that nobody thought of here is an error, so that none is passed over. */
export function valuesOf(schema: Schema): Arbitrary<Value> {
  const strange = Object.keys(schema).find((keyword) => !KEYWORDS.has(keyword));
  if (strange !== undefined) throw new Error(`The fuzz does not know JSON Schema's "${strange}": add it.`);
  if (schema.const !== undefined) return fc.constant(schema.const);
  if (schema.enum) return fc.constantFrom(...schema.enum);
  const branches = schema.anyOf ?? schema.oneOf;
  if (branches) return fc.oneof(...branches.map(valuesOf));
  switch (schema.type) {
    case "string":
      return textsOf(schema);
    case "integer":
    case "number":
      return numbersOf(schema);
    case "boolean":
      return fc.boolean();
    case "null":
      return fc.constant(null);
    case "array": {
      const minLength = schema.minItems ?? 0;
      const maxLength = Math.min(schema.maxItems ?? Number.POSITIVE_INFINITY, minLength + MORE_ITEMS);
      return fc.array(valuesOf(schema.items ?? {}), { minLength, maxLength });
    }
    case "object":
      return objectsOf(schema);
    default:
      return fc.constantFrom<Value>(null, 1, "text", [], {});
  }
}

function textsOf(schema: Schema): Arbitrary<string> {
  if (schema.format === "date-time")
    return fc.date({ min: new Date(0), max: new Date("2100-01-01"), noInvalidDate: true }).map((d) => d.toISOString());
  if (schema.format === "base64")
    return fc.base64String({ minLength: schema.minLength ?? 0, maxLength: schema.maxLength ?? TEXT_MAX });
  if (schema.pattern) return fc.stringMatching(new RegExp(schema.pattern)).filter((text) => !/\p{Cs}/u.test(text));
  // Half of what is allowed: some of these characters are two units of UTF-16.
  const maxLength = Math.max(
    schema.minLength ?? 0,
    Math.min(Math.floor((schema.maxLength ?? TEXT_MAX * 2) / 2), TEXT_MAX),
  );
  return fc.string({ unit: "grapheme", minLength: schema.minLength ?? 0, maxLength });
}

function numbersOf(schema: Schema): Arbitrary<number> {
  const min = schema.minimum ?? -SMALL;
  const max = schema.maximum ?? Number.MAX_SAFE_INTEGER;
  if (schema.type === "number" && max - min < SMALL)
    return fc.oneof(fc.constantFrom(min, max), fc.double({ min, max, noNaN: true }));
  const near = fc.integer({ min: 0, max: Math.floor(Math.min(SMALL, max - min)) });
  const start = min < 0 && max > 0 ? 0 : min;
  return fc.oneof(
    { weight: 4, arbitrary: near.map((n) => Math.min(max, start + n)) },
    { weight: 1, arbitrary: fc.constantFrom(min, max) },
  );
}

function objectsOf(schema: Schema): Arbitrary<Value> {
  const properties = schema.properties ?? {};
  const fields = Object.fromEntries(Object.entries(properties).map(([name, member]) => [name, fieldOf(name, member)]));
  const isAlways = (name: string) => schema.required?.includes(name) || KNOWN_FIELDS[name]?.isOnly;
  const made = fc.record<Record<string, Value>, string>(fields, { requiredKeys: Object.keys(fields).filter(isAlways) });
  if (typeof schema.additionalProperties !== "object") return made;
  const names = schema.propertyNames ? (valuesOf(schema.propertyNames) as Arbitrary<string>) : fc.string();
  return fc.dictionary(fc.oneof(names, fc.nat(400).map(String)), valuesOf(schema.additionalProperties), { maxKeys: 5 });
}

/** A field by its schema, and by what is known of its name. */
function fieldOf(name: string, schema: Schema): Arbitrary<Value> {
  const known: Field | undefined = KNOWN_FIELDS[`${name}:${schema.type}`] ?? KNOWN_FIELDS[name];
  const any = valuesOf(schema);
  if (!known || (known.type !== undefined && known.type !== schema.type)) return any;
  return fc.oneof({ weight: known.weight, arbitrary: known.values }, { weight: known.isOnly ? 0 : 1, arbitrary: any });
}

/** Requests of an operation that keep to its description. */
export function requestsOf(operation: Operation): Arbitrary<Request> {
  const params = Object.fromEntries(
    operation.params.map((name) => [name, fieldOf(name, { type: "string", minLength: 1, maxLength: 100 })]),
  );
  return fc.record({
    params: fc.record(params),
    query: objectsOf(operation.query) as Arbitrary<Record<string, Value>>,
    body: operation.body ? valuesOf(operation.body) : fc.constant(undefined),
  });
}
