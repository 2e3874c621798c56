import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";
import { SNAPSHOT_FORMAT } from "@latchkey/core/flags/snapshot";
import { build } from "esbuild";
import { pageBytes } from "../../packages/flags-sdk/src/size.testkit.ts";
import { type Bench, type Figure, figure, median } from "../figure.ts";

const RUNS = 21;
const QUICK_RUNS = 3;
/** Nobody listens on the discard port: a start must not wait for a server. */
const NOWHERE = "http://127.0.0.1:9";

/** What a process pays for its first value, from loading the package; and what a page loads. Beside GrowthBook's SDK. */
export async function measureSdk(bench: Bench): Promise<Figure[]> {
  const dir = mkdtempSync(join(tmpdir(), "flags-bench-"));
  try {
    return [...(await coldStarts(bench, dir)), ...(await sizes(bench))];
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

async function coldStarts(bench: Bench, dir: string): Promise<Figure[]> {
  const runs = bench.runs ?? (bench.quick ? QUICK_RUNS : RUNS);
  const sdk = join(bench.root, "packages", "flags-sdk", "src", "node.ts");
  const ours = `const { openFlags } = await import(${JSON.stringify(pathToFileURL(join(dir, "ours.mjs")).href)});
const flags = openFlags({ url: "${NOWHERE}", key: "k", snapshot: process.argv[2], mode: "function", reports: false });
const value = flags.value("flag-1", false, { targetingKey: "u-1" });`;
  const theirs = `const { GrowthBookClient } = await import(${JSON.stringify(pathToFileURL(join(dir, "theirs.mjs")).href)});
const { readFileSync } = await import("node:fs");
const client = new GrowthBookClient();
client.initSync({ payload: JSON.parse(readFileSync(process.argv[2], "utf8")) });
const value = client.isOn("flag-1", { attributes: { id: "u-1" } });`;
  await bundled(sdk, join(dir, "ours.mjs"), bench.root);
  await bundled("@growthbook/growthbook", join(dir, "theirs.mjs"), bench.root);
  const figures: Figure[] = [];
  for (const count of [3, 1_000]) {
    bench.say(`flags sdk: ${runs} cold starts with ${count} flags`);
    const [snapshot, payload] = [join(dir, `ours-${count}.json`), join(dir, `theirs-${count}.json`)];
    writeFileSync(snapshot, JSON.stringify(snapshotOf(count)));
    writeFileSync(payload, JSON.stringify(payloadOf(count)));
    const [own, other]: [number[], number[]] = [[], []];
    // In turn: what else the machine does meets both.
    for (let run = 0; run < runs; run++) {
      own.push(startOf(dir, ours, snapshot));
      other.push(startOf(dir, theirs, payload));
    }
    const peer = { name: "GrowthBook", value: median(other) };
    figures.push(
      figure(
        `cold start of a function, ${count} flags`,
        median(own),
        "ms",
        count === 3 ? { below: 5, peer } : { peer },
      ),
    );
  }
  return figures;
}

const bundled = (entry: string, outfile: string, root: string) =>
  build({
    ...{ bundle: true, minify: true, platform: "node", format: "esm", target: "node20", outfile, logLevel: "error" },
    stdin: { contents: `export * from ${JSON.stringify(entry)};`, resolveDir: root, loader: "ts" },
  });

/** Milliseconds from loading the package to its first value, in a process of its own. */
function startOf(dir: string, code: string, file: string): number {
  const program = join(dir, "start.mjs");
  writeFileSync(join(dir, "empty.mjs"), "export {};\n");
  // Node's own beginnings with modules are everybody's.
  writeFileSync(
    program,
    `await import("./empty.mjs");\nconst from = performance.now();\n${code}\nconst ms = performance.now() - from;
if (value !== true) throw new Error("another value: " + value);\nprocess.stdout.write(String(ms));\nprocess.exit(0);\n`,
  );
  return Number(execFileSync(process.execPath, [program, file], { encoding: "utf8" }));
}

const snapshotOf = (count: number) => ({
  ...{ format: SNAPSHOT_FORMAT, environment: "production", segments: [] },
  flags: Array.from({ length: count }, (_, i) => ({
    ...{ key: `flag-${i}`, type: "boolean", description: "", purpose: "release", owner: "", tags: [] },
    ...{
      isArchived: false,
      isPublic: false,
      variants: { on: true, off: false },
      salt: `flag-${i}`,
      hashVersion: "flagd-2",
    },
    environments: {
      production: {
        ...{ isEnabled: true, off: "off", prerequisites: [], rules: [] },
        otherwise: { kind: "rollout", by: "targetingKey", variant: "on", against: "off", percent: 100 },
      },
    },
  })),
});
const payloadOf = (count: number) => ({
  features: Object.fromEntries(
    Array.from({ length: count }, (_, i) => [
      `flag-${i}`,
      { defaultValue: false, rules: [{ force: true, coverage: 1, hashAttribute: "id" }] },
    ]),
  ),
});

async function sizes(bench: Bench): Promise<Figure[]> {
  const sources = join(bench.root, "packages", "flags-sdk", "src");
  const { outputFiles } = await build({
    stdin: { contents: 'export { GrowthBook } from "@growthbook/growthbook";', resolveDir: bench.root },
    ...{ bundle: true, minify: true, write: false, format: "esm", target: "es2022", platform: "browser" },
  });
  const peer = { name: "GrowthBook", value: gzipSync(outputFiles[0]?.contents ?? "", { level: 9 }).length };
  return [
    figure("what a page loads", await pageBytes("web", sources), "bytes, gzip", { below: 6_000, peer }),
    figure("React hooks with it, in addition", await pageBytes("react", sources), "bytes, gzip"),
  ];
}
