import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isPermitted, type LicenceExpression, readLicence } from "./licences.ts";
import { judgeLicences, readCycloneDx } from "./sbom.ts";

const expression: fc.Arbitrary<LicenceExpression> = fc.letrec<{ any: LicenceExpression; leaf: LicenceExpression }>(
  (tie) => ({
    leaf: fc
      .constantFrom("MIT", "Apache-2.0", "GPL-2.0-only WITH Classpath-exception-2.0")
      .map((id) => ({ kind: "licence" as const, id })),
    any: fc.oneof(
      { maxDepth: 3 },
      tie("leaf"),
      fc.record({
        kind: fc.constantFrom("and" as const, "or" as const),
        of: fc.array(tie("any"), { minLength: 2, maxLength: 3 }),
      }),
    ),
  }),
).any;
const write = (one: LicenceExpression): string =>
  one.kind === "licence" ? one.id : `(${one.of.map(write).join(one.kind === "or" ? " OR " : " and ")})`;

describe("a licence expression", () => {
  it("means what it was written from", () => {
    fc.assert(
      fc.property(expression, fc.constantFrom("MIT", "Apache-2.0"), (one, only) => {
        const read = readLicence(write(one));
        const permits = (id: string) => id === only;
        expect(read.ok && isPermitted(read.value, permits)).toBe(isPermitted(one, permits));
      }),
    );
  });

  it("binds AND before OR, as the standard does", () => {
    const read = readLicence("GPL-3.0-only AND Proprietary OR MIT");
    expect(read.ok && isPermitted(read.value, (id) => id === "MIT")).toBe(true);
  });

  it.each(["", "MIT OR", "(MIT", "MIT)", "MIT Apache-2.0", "AND MIT", "GPL-2.0-only WITH"])("refuses %j", (text) => {
    expect(readLicence(text).ok).toBe(false);
  });
});

describe("the gate on licences", () => {
  const bom = (...components: object[]) => {
    const read = readCycloneDx({ bomFormat: "CycloneDX", specVersion: "1.6", components });
    if (!read.ok) throw new Error(read.error);
    return read.value;
  };
  const policy = { allow: ["MIT", "Apache-2.0"], deny: [], unknown: "fail" as const, except: [] };
  const react = { type: "library", name: "react", version: "19.1.0", licenses: [{ license: { id: "mit" } }] };

  it("looks at parts of parts, and at every licence of one", () => {
    const components = bom(react, {
      type: "library",
      group: "@acme",
      name: "grid",
      version: "1.0.0",
      licenses: [{ license: { id: "MIT" } }, { license: { name: "Acme Commercial" } }],
      components: [
        { type: "library", name: "inner", licenses: [{ expression: "(GPL-3.0-only OR Apache-2.0)" }] },
        { type: "file", name: "x.js" },
      ],
    });
    const judged = judgeLicences(components, policy);
    expect(judged).toMatchObject({ status: "failed", words: "1 component under a licence that is not permitted." });
    expect(judged.details).toEqual(["@acme/grid 1.0.0: Acme Commercial"]);
    expect(judgeLicences(components, { ...policy, except: ["@acme/grid"] }).status).toBe("passed");
  });

  it("does not take an unknown licence for a good one, unless that is wished", () => {
    const components = bom({ type: "library", name: "left", version: "1" });
    expect(judgeLicences(components, policy).words).toBe("1 component without a known licence.");
    expect(judgeLicences(components, { ...policy, unknown: "allow" }).status).toBe("passed");
  });

  it("denies what is denied, where everything else is allowed", () => {
    const components = bom({ type: "library", name: "a", licenses: [{ license: { id: "AGPL-3.0-only" } }] });
    expect(judgeLicences(components, { ...policy, allow: null, deny: ["agpl-3.0-only"] }).status).toBe("failed");
    expect(judgeLicences(components, { ...policy, allow: null }).status).toBe("passed");
  });

  it("could not run without a component, and refuses what is no CycloneDX", () => {
    expect(judgeLicences([], policy).status).toBe("could_not_run");
    expect(readCycloneDx({ spdxVersion: "SPDX-2.3" }).ok).toBe(false);
  });
});
