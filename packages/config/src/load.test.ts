import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { ServiceConfigInput } from "@latchkey/api/models";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { findConfig, loadConfig, readServices } from "./load.ts";

const DATA = join(dirname(fileURLToPath(import.meta.url)), "testdata");
const scratch = mkdtempSync(join(tmpdir(), "latchkey-config-test-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
let made = 0;
function folder(): string {
  made += 1;
  const dir = join(scratch, String(made));
  mkdirSync(dir);
  return dir;
}
const nameOf = (fixture: string): string =>
  fixture.endsWith(".yaml.txt") ? "latchkey.config.yaml" : "latchkey.config.ts";
/** Fixtures are kept as text, so that neither the compiler nor the formatter minds their mistakes. */
const isFixture = (name: string): boolean => name.endsWith(".yaml.txt") || name.endsWith(".ts.txt");

async function messageOf(fixture: string): Promise<string> {
  const dir = folder();
  const file = join(dir, nameOf(fixture));
  copyFileSync(join(DATA, "bad", fixture), file);
  const message = await readServices(file).then(
    () => "It was taken as good.",
    (error: Error) => error.message,
  );
  return `${message.replaceAll(dir, "").replaceAll("/latchkey.config", "latchkey.config").trimEnd()}\n`;
}

describe("configurations with mistakes", () => {
  const fixtures = readdirSync(join(DATA, "bad")).filter(isFixture);
  it.each(fixtures)("%s is refused with its message", async (fixture) => {
    await expect(await messageOf(fixture)).toMatchFileSnapshot(join(DATA, "bad", `${fixture}.expected`));
  });
  it("have at least fifteen kinds, each with an expected message that names a fix", () => {
    expect(fixtures.length).toBeGreaterThanOrEqual(15);
    for (const fixture of fixtures) {
      const expected = join(DATA, "bad", `${fixture}.expected`);
      expect(existsSync(expected), expected).toBe(true);
      expect(readFileSync(expected, "utf8")).toMatch(/ has (a mistake|\d+ mistakes):\n {2}/);
    }
  });
});

describe("good configurations", () => {
  it.each([
    ["minimal.yaml.txt", ["shop"]],
    ["several-documents.yaml.txt", ["shop", "blog", "forum"]],
    ["shared-fields.yaml.txt", ["shop", "shop-admin"]],
    ["list.ts.txt", ["shop", "blog"]],
  ])("%s", async (fixture, names) => {
    const file = join(folder(), nameOf(fixture));
    copyFileSync(join(DATA, "good", fixture), file);
    const services = await readServices(file);
    expect(services.map((s) => s.name)).toEqual(names);
    for (const service of services) expect(service.health).toEqual({ path: "/healthz", readyTimeoutMs: 30_000 });
  });
  it("the repository's own", async () => {
    const file = findConfig(DATA);
    expect(file).toMatch(/latchkey\.config\.ts$/);
    const { services } = await loadConfig(file ?? "");
    expect(services.map((s) => s.name)).toEqual(["leads"]);
  });
});

describe("where the configuration is", () => {
  it("is found upward, and two in one folder are refused", () => {
    const dir = folder();
    const below = join(dir, "a", "b");
    mkdirSync(below, { recursive: true });
    writeFileSync(join(dir, "latchkey.config.yml"), "");
    expect(findConfig(below)).toBe(join(dir, "latchkey.config.yml"));
    writeFileSync(join(dir, "latchkey.config.ts"), "");
    expect(() => findConfig(below)).toThrow("latchkey.config.ts and latchkey.config.yml");
  });
  it("names a source folder that is not there", async () => {
    const file = join(folder(), "latchkey.config.yaml");
    writeFileSync(file, "name: shop\nsource: apps/shop\nbuild: [make]\n");
    await expect(loadConfig(file)).rejects.toThrow("source: there is no folder apps/shop in ");
  });
});

const word = fc.stringMatching(/^[a-z][a-z0-9]{2,9}$/);
// Words that YAML would read as something else when they were not quoted.
const text = fc.oneof(
  fc.string({ minLength: 1, maxLength: 12 }),
  fc.constantFrom("yes", "null", "1.0", "0x1f", "- a", "a: b"),
);
const step = fc.record({ bakeMs: fc.nat(100_000), minimumRequests: fc.nat(1_000) });
const service: fc.Arbitrary<ServiceConfigInput> = fc.record(
  {
    name: word,
    source: text,
    build: fc.array(text, { minLength: 1, maxLength: 3 }),
    description: text,
    environments: fc.uniqueArray(word, { minLength: 1, maxLength: 3 }),
    gates: fc.uniqueArray(
      fc.record({ name: text, command: fc.array(text, { minLength: 1, maxLength: 3 }), required: fc.boolean() }),
      { maxLength: 3, selector: (gate) => gate.name },
    ),
    smoke: fc.array(fc.record({ path: fc.constant("/"), contains: text }), { maxLength: 2 }),
    strategy: fc.record({
      kind: fc.constantFrom("canary", "blue_green", "all_at_once" as const),
      steps: fc
        .array(step, { minLength: 1, maxLength: 4 })
        .map((steps) => steps.map((s, i) => ({ ...s, trafficPercent: (i + 1) * 20 }))),
    }),
    analysis: fc.record({ alpha: fc.double({ min: 1e-6, max: 0.2, noNaN: true }) }),
  },
  { requiredKeys: ["name", "source", "build"] },
);

describe("the two forms", () => {
  it("become the same canonical configuration", async () => {
    const lists = fc.uniqueArray(service, { minLength: 1, maxLength: 4, selector: (s) => s.name });
    await fc.assert(
      fc.asyncProperty(lists, async (services) => {
        const dir = folder();
        const asTypeScript = join(dir, "latchkey.config.ts");
        const asList = join(dir, "list.yaml");
        const asDocuments = join(dir, "documents.yaml");
        writeFileSync(asTypeScript, `export default ${JSON.stringify(services)};\n`);
        writeFileSync(asList, stringify(services));
        writeFileSync(asDocuments, services.map((s) => `---\n${stringify(s)}`).join(""));
        const canonical = await readServices(asTypeScript);
        expect(await readServices(asList)).toEqual(canonical);
        expect(await readServices(asDocuments)).toEqual(canonical);
        // Canonical form is a fixed point: reading it again changes nothing.
        writeFileSync(asList, stringify(canonical));
        expect(await readServices(asList)).toEqual(canonical);
      }),
      { numRuns: 30 },
    );
  });
});
