import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Ask, type Decider, personsNamed, RACI_ROLES, stateOf, type Voice, waitsFor, whyNot } from "./approval.ts";

const names = fc.constantFrom("ada", "bob", "cyd", "dee", "eve");
const ask: fc.Arbitrary<Ask> = fc.record({
  needed: fc.integer({ min: 1, max: 4 }),
  roles: fc.array(fc.constantFrom(...RACI_ROLES, "owner"), { maxLength: 3 }),
  excluded: fc.array(names, { maxLength: 3 }),
});
const voices: fc.Arbitrary<Voice[]> = fc.array(
  fc.record({ personId: names, choice: fc.constantFrom("approve" as const, "approve" as const, "reject" as const) }),
  { maxLength: 8 },
);
const person: fc.Arbitrary<Decider> = fc.record({
  id: names,
  role: fc.constantFrom("owner", "deployer", "viewer", "ci"),
  raci: fc.array(fc.constantFrom(...RACI_ROLES), { maxLength: 3 }),
  knownBy: fc.array(names, { minLength: 1, maxLength: 3 }),
});

describe("an approval", () => {
  it("comes to the same whatever the order of the voices, and however often one is heard", () => {
    fc.assert(
      fc.property(ask, voices, fc.integer(), (asked, said, n) => {
        const turned = [...said.slice(n % (said.length || 1)), ...said.slice(0, n % (said.length || 1)), ...said];
        expect(stateOf(asked, turned)).toBe(stateOf(asked, said));
      }),
    );
  });
  it("is given by as many different persons as it takes, and by no fewer", () => {
    fc.assert(
      fc.property(ask, voices, (asked, said) => {
        const different = new Set(said.map((voice) => voice.personId)).size;
        const rejected = said.some((voice) => voice.choice === "reject");
        expect(stateOf(asked, said)).toBe(rejected ? "rejected" : different >= asked.needed ? "approved" : "waiting");
      }),
    );
  });
  it("is never that of an author, whatever role that person has", () => {
    fc.assert(
      fc.property(ask, person, (asked, who) => {
        if (who.knownBy.some((known) => asked.excluded.includes(known))) expect(whyNot(asked, who)).toMatch(/wrote/);
      }),
    );
  });
  it("takes an owner or a deployer, with one of the roles that are asked for", () => {
    const of = (more: Partial<Decider>): Decider => ({ id: "p", role: "deployer", raci: [], knownBy: ["p"], ...more });
    const asked: Ask = { needed: 1, roles: ["sre", "owner"], excluded: [] };
    expect(whyNot(asked, of({ raci: ["sre"] }))).toBeNull();
    expect(whyNot(asked, of({ role: "owner" }))).toBeNull();
    expect(whyNot(asked, of({ raci: ["cloud"] }))).toBe("It takes one of these roles: sre, owner.");
    expect(whyNot(asked, of({ role: "viewer", raci: ["sre"] }))).toMatch(/viewer may not approve/);
    expect(whyNot({ ...asked, roles: [] }, of({}))).toBeNull();
  });
  it("says what it waits for", () => {
    expect(waitsFor({ needed: 3, roles: ["sre", "lead"] }, 1)).toBe(
      "Waits for 2 approvals by sre or lead, not by who wrote or asked for it.",
    );
    expect(waitsFor({ needed: 1, roles: [] }, 0)).toContain("an approval by an owner or a deployer");
  });
});

describe("a name", () => {
  const people = [
    { id: "per_1", names: ["Ada L.", "ada-l"] },
    { id: "per_2", names: ["Grace Hopper"] },
  ];
  it("means the same person however it is typed", () => {
    for (const typed of ["Ada L", "ADA L.", " ada  l ", "Ada-L", "\uff21da L"])
      expect(personsNamed([typed], people)).toEqual(["per_1"]);
    expect(personsNamed(["Grace", "Hopper"], people)).toEqual([]);
  });
  it("of nothing but signs means nobody", () => {
    expect(personsNamed(["", "...", " - "], [{ id: "per_3", names: ["--"] }])).toEqual([]);
  });
});
