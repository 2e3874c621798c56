import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { codeNames } from "./code-names.ts";
import { generateFlags, type NamedFlag } from "./codegen.ts";

const flag = (key: string, also: Partial<NamedFlag> = {}): NamedFlag => ({
  ...{ key, type: "boolean", description: "", owner: "", isArchived: false, variants: { on: true, off: false } },
  environments: {},
  ...also,
});
const off = {
  isEnabled: false,
  off: "off",
  prerequisites: [],
  rules: [],
  otherwise: { kind: "variant", variant: "on" },
} as const;

describe("names in code", () => {
  it.each([
    ["new-lead-form", "newLeadForm"],
    ["ml-lead-scoring", "mlLeadScoring"],
    ["a.b_c", "aBC"],
    ["class", "flagClass"],
    ["2fa", "flag2fa"],
    ["a-", "a"],
  ])("%s is %s", (key, name) => expect(codeNames([key]).get(key)).toBe(name));
  it("are identifiers, and no two flags have one name", () => {
    const keys = fc.uniqueArray(fc.stringMatching(/^[a-z0-9][a-z0-9._-]{0,6}$/), { maxLength: 40 });
    fc.assert(
      fc.property(keys, (given) => {
        const names = [...codeNames(given).values()];
        expect(new Set(names).size).toBe(given.length);
        for (const name of names) expect(() => new Function(`"use strict"; const ${name} = 1;`)).not.toThrow();
      }),
    );
  });
});

describe("generated code", () => {
  it("has each flag that is not archived, with its type, its fallback and what is known of it", () => {
    const text = generateFlags([
      flag("zeta", { isArchived: true }),
      flag("colour", {
        ...{ type: "string", variants: { on: "blue", off: "grey" }, environments: { production: off } },
        ...{ description: "Of the button.\nNot of */ its text.", owner: "growth", expires: "2027-03-31" },
      }),
      flag("beta", { description: "The new form" }),
      flag("layout", {
        ...{ type: "json", variants: { on: { columns: [1] } } },
        schema: {
          type: "object",
          properties: { columns: { type: "array", items: { type: "integer" } } },
          required: ["columns"],
        },
      }),
    ]);
    expect(text).not.toContain("zeta");
    expect(text).toContain('export const beta: FlagRef<boolean> = { key: "beta", fallback: false };');
    expect(text).toContain('export const colour: FlagRef<string> = { key: "colour", fallback: "grey" };');
    expect(text).toContain("  /** The new form */\n");
    expect(text).toContain(
      " * Of the button.\n * Not of * / its text.\n * Owner: growth.\n * To be gone from the code by 2027-03-31.\n",
    );
    expect(text).toContain('readonly "layout": { readonly "columns": readonly (number)[] };');
  });
  it("is the same in whatever order flags come", () => {
    const flags = [flag("a-b"), flag("a.b"), flag("c")];
    expect(generateFlags([...flags].reverse())).toBe(generateFlags(flags));
  });
});
