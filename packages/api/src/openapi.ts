import { z } from "zod";
import { contract, type RouteSpec } from "./contract.ts";
import { Problem } from "./models.ts";
import { type PathSpec, paths, type RouteName } from "./paths.ts";

const schemaOf = (schema: z.ZodType) => z.toJSONSchema(schema, { unrepresentable: "any" });
const answered = (schema: z.ZodType) => ({
  description: "Success",
  content: { "application/json": { schema: schemaOf(schema) } },
});
const PROBLEM = {
  description: "A problem (RFC 9457)",
  content: { "application/problem+json": { schema: schemaOf(Problem) } },
};

/** The OpenAPI 3.1 description, made from the same tables that the server and the client use. */
export function openApi(version: string): Record<string, unknown> {
  const described: Record<string, Record<string, unknown>> = {};
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
      schema: z.toJSONSchema(schema as z.ZodType, { io: "input", unrepresentable: "any" }),
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
              content: {
                "application/json": { schema: z.toJSONSchema(rules.body, { io: "input", unrepresentable: "any" }) },
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
      securitySchemes: {
        bearer: { type: "http", scheme: "bearer" },
        cookie: { type: "apiKey", in: "cookie", name: "lk_session" },
      },
    },
  };
}
