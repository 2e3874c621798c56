import { describe, expect, it } from "vitest";
import { configJsonSchema } from "./json-schema.ts";

interface Node {
  readonly description?: string;
  readonly properties?: Record<string, Node>;
  readonly items?: Node;
  readonly oneOf?: readonly Node[];
  readonly anyOf?: readonly Node[];
  readonly additionalProperties?: Node | boolean;
}

describe("the JSON Schema for editors", () => {
  it("describes every field and refuses unknown ones", () => {
    const { definitions } = configJsonSchema() as {
      definitions: { service: Node & { additionalProperties: boolean } };
    };
    const silent: string[] = [];
    const walk = (node: Node, path: string) => {
      for (const [name, child] of Object.entries(node.properties ?? {})) {
        if (!child.description) silent.push(`${path}${name}`);
        walk(child, `${path}${name}.`);
      }
      if (node.items) walk(node.items, `${path}*.`);
    };
    walk(definitions.service, "");
    expect(silent).toEqual([]);
    expect(definitions.service.additionalProperties).toBe(false);
  });
  it("describes every field of every kind of target, also of an environment's own", () => {
    const { definitions } = configJsonSchema() as { definitions: { service: Node } };
    const { target, targets } = definitions.service.properties ?? {};
    const own = targets?.additionalProperties;
    for (const union of [target, typeof own === "object" ? own : undefined]) {
      const kinds = union?.oneOf ?? union?.anyOf ?? [];
      expect(kinds).toHaveLength(4);
      const fields = kinds.flatMap((kind) => Object.entries(kind.properties ?? {}));
      expect(fields.filter(([, field]) => !field.description).map(([name]) => name)).toEqual([]);
    }
  });
  it("asks only for what has no default", () => {
    const { definitions } = configJsonSchema() as { definitions: { service: { required: string[] } } };
    expect(definitions.service.required).toEqual(["name", "source", "build"]);
  });
});
