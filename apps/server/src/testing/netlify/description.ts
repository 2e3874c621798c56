import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { Ajv } from "ajv";

interface Parameter {
  readonly in: string;
  readonly name: string;
  readonly required?: boolean;
  readonly type?: string;
  readonly schema?: Record<string, unknown>;
}
interface Operation {
  readonly operationId: string;
  readonly consumes?: readonly string[];
  readonly parameters?: readonly Parameter[];
  readonly responses: Readonly<Record<string, { readonly schema?: Record<string, unknown> }>>;
}
type Methods = Readonly<Record<string, unknown>> & { readonly parameters?: readonly Parameter[] };
interface Found {
  readonly id: string;
  readonly operation: Operation;
  readonly parameters: readonly Parameter[];
}

/**
 * Netlify's own description of its API (npm package @netlify/open-api, MIT, swagger 2.0): what is asked must be in it, with
 * these parameters and this body, and what the fake answers must be of its shape.
 */
export class Description {
  readonly #paths: readonly { readonly pattern: RegExp; readonly methods: Methods }[];
  readonly #ajv: Ajv;

  constructor() {
    const require = createRequire(import.meta.url);
    const file = require.resolve("@netlify/open-api/dist/swagger.json");
    const swagger = JSON.parse(readFileSync(file, "utf8")) as { paths: Record<string, Methods>; basePath: string };
    this.#paths = Object.entries(swagger.paths).map(([path, methods]) => ({
      // A file's path holds slashes.
      pattern: new RegExp(`^${swagger.basePath}${path.replace("{path}", "(.+)").replaceAll(/\{[^}]+\}/g, "([^/]+)")}$`),
      methods,
    }));
    this.#ajv = new Ajv({
      strict: false,
      allErrors: true,
      formats: { dateTime: true, int64: true, binary: true, int32: true },
    });
  }

  find(method: string, path: string): Found | null {
    for (const { pattern, methods } of this.#paths) {
      const operation = methods[method.toLowerCase()] as Operation | undefined;
      if (operation && pattern.test(path))
        return {
          id: operation.operationId,
          operation,
          parameters: [...(methods.parameters ?? []), ...(operation.parameters ?? [])],
        };
    }
    return null;
  }

  /** What is wrong with a request; empty where it is as described. */
  faultsOf(found: Found, query: URLSearchParams, type: string | undefined, body: unknown): string[] {
    const known = found.parameters.filter((p) => p.in === "query").map((p) => p.name);
    const faults = [...query.keys()]
      .filter((name) => !known.includes(name))
      .map((name) => `no query parameter ${name}`);
    for (const p of found.parameters) {
      if (p.in === "query" && p.required && !query.has(p.name)) faults.push(`the query parameter ${p.name} is missing`);
      if (p.in === "query" && p.type === "integer" && query.has(p.name) && !/^\d+$/.test(query.get(p.name) ?? ""))
        faults.push(`the query parameter ${p.name} is no whole number`);
    }
    const described = found.parameters.find((p) => p.in === "body");
    if (described?.required && body === undefined) faults.push("the body is missing");
    if (!described && body !== undefined) faults.push("a body was not expected");
    const isBinary = described?.schema?.format === "binary";
    if (isBinary && type !== "application/octet-stream") faults.push(`the content type is ${type}`);
    if (described?.schema && body !== undefined && !isBinary) {
      if (type !== "application/json") faults.push(`the content type is ${type}`);
      // The description knows these fields: one that it does not know is a mistake of ours.
      const names = Object.keys((described.schema.properties ?? {}) as object);
      for (const name of Object.keys((body ?? {}) as object))
        if (names.length > 0 && !names.includes(name)) faults.push(`the body has no field ${name}`);
      faults.push(...this.#check(described.schema, body));
    }
    return faults;
  }

  /** What is wrong with an answer. */
  answerFaultsOf(found: Found, status: number, body: unknown): string[] {
    const described =
      found.operation.responses[String(status)] ?? (status >= 400 ? found.operation.responses.default : undefined);
    if (!described) return [`the status ${status} is not described`];
    return described.schema ? this.#check(described.schema, body) : [];
  }

  #check(schema: Record<string, unknown>, value: unknown): string[] {
    const validate = this.#ajv.compile(schema);
    return validate(value) ? [] : (validate.errors ?? []).map((e) => `${e.instancePath || "it"} ${e.message}`);
  }
}
