import { describe, expect, it } from "vitest";
import { configJsonSchema } from "./json-schema.ts";

interface Node {
  readonly description?: string;
  readonly properties?: Record<string, Node>;
  readonly items?: Node;
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
  it("asks only for what has no default", () => {
    const { definitions } = configJsonSchema() as { definitions: { service: { required: string[] } } };
    expect(definitions.service.required).toEqual(["name", "source", "build"]);
  });
});
