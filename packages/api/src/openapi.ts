import { z } from "zod";
import { contract, type RouteSpec } from "./contract.ts";
import { Problem } from "./models.ts";
import { type PathSpec, paths, type RouteName } from "./paths.ts";

/** What schemas share, or name themselves in: one place in the description for all. */
type Components = Record<string, unknown>;

/** A schema as JSON Schema; its own definitions go among the components, where every reference leads to. */
function schemaOf(schema: z.ZodType, components: Components, io: "input" | "output" = "output"): unknown {
  const { $defs, ...made } = z.toJSONSchema(schema, { io, unrepresentable: "any" });
  const moved = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(moved);
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(
      Object.entries(value).map(([key, member]) =>
        key === "$ref" && typeof member === "string"
          ? [key, member.replace(/^#\/\$defs\//, "#/components/schemas/")]
          : [key, moved(member)],
      ),
    );
  };
  for (const [name, definition] of Object.entries($defs ?? {})) {
    const { id, ...shape } = moved(definition) as Record<string, unknown>;
    components[name] ??= shape;
  }
  return moved(made);
}
const PROBLEM = {
  description: "A problem (RFC 9457)",
  content: { "application/problem+json": { schema: schemaOf(Problem, {}) } },
};

/** The OpenAPI 3.1 description, made from the same tables that the server and the client use. */
export function openApi(version: string): Record<string, unknown> {
  const described: Record<string, Record<string, unknown>> = {};
  const schemas: Components = {};
  const answered = (schema: z.ZodType) => ({
    description: "Success",
    content: { "application/json": { schema: schemaOf(schema, schemas) } },
  });
  for (const name of Object.keys(paths) as RouteName[]) {
    const spec: PathSpec = paths[name];
    const rules: RouteSpec = contract[name];
    const path = spec.path.replace(/:([a-zA-Z]+)/g, "{$1}");
    const params = [...spec.path.matchAll(/:([a-zA-Z]+)/g)].map(([, param]) => ({
      name: param,
      in: "path",
      required: true,
      schema: { type: "string" },
    }));
    const query = Object.entries(rules.query?.shape ?? {}).map(([param, schema]) => ({
      name: param,
      in: "query",
      required: !(schema as z.ZodType).safeParse(undefined).success,
      schema: schemaOf(schema as z.ZodType, schemas, "input"),
    }));
    described[path] ??= {};
    described[path][spec.method.toLowerCase()] = {
      operationId: name,
      summary: rules.summary,
      parameters: [...params, ...query],
      ...(rules.body
        ? {
            requestBody: {
              required: true,
              ...(spec.large ? { description: "At most 16 MB; may be compressed: Content-Encoding: gzip" } : {}),
              content: {
                "application/json": { schema: schemaOf(rules.body, schemas, "input") },
              },
            },
          }
        : {}),
      responses: {
        ...(rules.status === 204 ? {} : { [rules.status]: answered(rules.answers) }),
        ...(rules.answers.safeParse(null).success ? { 204: { description: "Success, and nothing to say" } } : {}),
        default: PROBLEM,
      },
      security: spec.action === "public" ? [] : [{ bearer: [] }, { cookie: [] }],
      "x-latchkey-action": spec.action,
    };
  }
  return {
    openapi: "3.1.0",
    info: { title: "Latchkey", version, description: "A delivery and reliability control plane." },
    paths: described,
    components: {
      schemas,
      securitySchemes: {
        bearer: { type: "http", scheme: "bearer" },
        cookie: { type: "apiKey", in: "cookie", name: "lk_session" },
      },
    },
  };
}
