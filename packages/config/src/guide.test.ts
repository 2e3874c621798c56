import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { configJsonSchema } from "./json-schema.ts";
import { readServices } from "./load.ts";
import { parseServerConfig } from "./server.ts";

const GUIDE = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "..", "docs", "guides", "canary-metrics.md");
const text = readFileSync(GUIDE, "utf8");
const scratch = mkdtempSync(join(tmpdir(), "latchkey-guide-test-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

describe("the guide to metrics of one's own", () => {
  const examples = [...text.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, yaml]) => yaml ?? "");
  it.each(examples)("has an example that is taken as it stands: %#", async (yaml) => {
    const file = join(scratch, "latchkey.config.yaml");
    writeFileSync(file, yaml);
    const [service] = await readServices(file);
    expect(service?.analysis.metrics).toHaveLength(1);
  });
  it("has an example of each kind and each source", async () => {
    for (const word of ["kind: ratio", "kind: count", "kind: histogram", "source: gateway", "source: prometheus"])
      expect(
        examples.some((yaml) => yaml.includes(word)),
        word,
      ).toBe(true);
  });
  it("starts the server with flags that there are", () => {
    const argv = /npm start -- (.*)/.exec(text)?.[1]?.split(" ") ?? [];
    expect(parseServerConfig({ env: {}, argv, cwd: "/srv", readText: () => null })).toMatchObject({
      prometheusUrl: "http://127.0.0.1:9090",
      prometheusTokenFile: "/etc/latchkey/prometheus.token",
    });
  });
  it("names no field that there is not, and leaves none out", () => {
    const { definitions } = configJsonSchema() as {
      definitions: {
        service: { properties: { analysis: { properties: { metrics: { items: { properties: object } } } } } };
      };
    };
    const fields = Object.keys(definitions.service.properties.analysis.properties.metrics.items.properties);
    for (const field of fields) expect(text, field).toMatch(new RegExp(`\\b${field}\\b`));
    const told = [...text.matchAll(/^\| (`\w+`(?:, `\w+`)*)\s*\|/gm)].flatMap(
      ([, names]) => (names ?? "").match(/\w+/g) ?? [],
    );
    expect(told.length).toBeGreaterThan(8);
    for (const field of told) expect(fields).toContain(field);
  });
});
