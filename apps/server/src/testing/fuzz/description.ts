/** What the OpenAPI description says of the API: the fuzz knows routes, fields and limits from nowhere else. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** The part of JSON Schema (2020-12) that the description uses. */
export interface Schema {
  readonly $schema?: string;
  /** One of the components, by its place in the description. */
  readonly $ref?: string;
  readonly type?: "string" | "integer" | "number" | "boolean" | "array" | "object" | "null";
  readonly enum?: readonly Json[];
  readonly const?: Json;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly default?: Json;
  readonly format?: string;
  readonly pattern?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly items?: Schema;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | Schema;
  readonly propertyNames?: Schema;
}

interface Described {
  readonly operationId: string;
  readonly parameters: readonly {
    readonly name: string;
    readonly in: string;
    readonly required: boolean;
    readonly schema: Schema;
  }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Schema }>> };
  readonly responses: Readonly<Record<string, unknown>>;
  readonly security: readonly object[];
  readonly "x-latchkey-action": string;
}
export interface Description {
  readonly components?: { readonly schemas?: Readonly<Record<string, Schema>> };
  readonly paths: Readonly<Record<string, Readonly<Record<string, Described>>>>;
}

export interface Operation {
  readonly id: string;
  readonly method: string;
  /** With its parameters in braces. */
  readonly path: string;
  readonly params: readonly string[];
  /** All query parameters as one object's schema. */
  readonly query: Schema;
  readonly body: Schema | null;
  /** Statuses that are described by number: those of a success. */
  readonly successes: readonly number[];
  readonly needsCredential: boolean;
  readonly action: string;
}

const resolvedBody = (described: Described, components: Readonly<Record<string, Schema>>): Schema | null => {
  const body = described.requestBody?.content["application/json"]?.schema;
  return body ? resolved(body, components) : null;
};

/** So often a schema that names itself is put in its own place; beyond it a value of any kind stands there. */
const WITHIN_ITSELF_MAX = 3;

/** The schema with every reference replaced by what it leads to. */
function resolved(schema: Schema, components: Readonly<Record<string, Schema>>): Schema {
  const look = (value: unknown, at: number): unknown => {
    if (Array.isArray(value)) return value.map((member) => look(member, at));
    if (typeof value !== "object" || value === null) return value;
    const { $ref } = value as Schema;
    if ($ref === undefined)
      return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, look(member, at)]));
    const found = components[$ref.replace("#/components/schemas/", "")];
    if (!found) throw new Error(`The description has no ${$ref}.`);
    return at >= WITHIN_ITSELF_MAX ? {} : look(found, at + 1);
  };
  return look(schema, 0) as Schema;
}

export function operationsOf(description: Description): Operation[] {
  const components = description.components?.schemas ?? {};
  return Object.entries(description.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, described]): Operation => {
      const query = described.parameters.filter((p) => p.in === "query");
      return {
        id: described.operationId,
        method: method.toUpperCase(),
        path,
        params: described.parameters.filter((p) => p.in === "path").map((p) => p.name),
        query: {
          type: "object",
          properties: Object.fromEntries(query.map((p) => [p.name, p.schema])),
          required: query.filter((p) => p.required).map((p) => p.name),
        },
        body: resolvedBody(described, components),
        successes: Object.keys(described.responses)
          .filter((status) => /^\d+$/.test(status))
          .map(Number),
        needsCredential: described.security.length > 0,
        action: described["x-latchkey-action"],
      };
    }),
  );
}
