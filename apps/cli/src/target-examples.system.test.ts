import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { run } from "./program.ts";
import { processTerminal } from "./terminal.ts";

/** The examples of infra/targets, against stand-ins of their providers' command lines. No cloud was asked. */
const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
const STAND_IN = fileURLToPath(new URL("clouds.testkit.mjs", import.meta.url));
const COMMIT = "c".repeat(40);

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "latchkey-examples-"));
});
afterEach(() => {
  const pids = join(dir, "pids");
  for (const pid of existsSync(pids) ? readFileSync(pids, "utf8").trim().split("\n").map(Number) : []) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It was retired.
    }
  }
  rmSync(dir, { recursive: true, force: true });
});

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === "object" ? (address?.port ?? 0) : 0;
}

interface Example {
  readonly name: string;
  readonly program: string;
  /** What its README asks for. */
  readonly settings: (port: number) => Readonly<Record<string, string>>;
  /** What makes a release, and must happen once however often it is asked for; and what ends it. */
  readonly makes: RegExp;
  readonly ends: RegExp;
}
const EXAMPLES: readonly Example[] = [
  {
    ...{ name: "cloud-run", program: "gcloud", makes: /^gcloud run deploy /, ends: /update-traffic .*--remove-tags/ },
    settings: () => ({
      ...{ CLOUD_RUN_PROJECT: "shop", CLOUD_RUN_REGION: "europe-west1", CLOUD_RUN_IMAGE: "registry.example/shop" },
      CLOUD_RUN_FLAGS: "--allow-unauthenticated",
    }),
  },
  {
    ...{ name: "fly", program: "flyctl", makes: /^flyctl deploy /, ends: /^flyctl apps destroy / },
    settings: (port) => ({
      ...{ FLY_ORG: "shop", FLY_IMAGE: "registry.example/shop", FLY_CONFIG: "/srv/shop/fly.toml" },
      ...{ FLY_UPSTREAM: `http://127.0.0.1:${port}`, STAND_IN_PORT: String(port) },
    }),
  },
  {
    ...{ name: "ecs", program: "aws", makes: /^aws ecs create-service /, ends: /^aws ecs delete-service / },
    settings: (port) => ({
      ...{ ECS_REGION: "eu-west-1", ECS_CLUSTER: "shop", ECS_TASK: "base", ECS_IMAGE: "registry.example/shop" },
      ...{ ECS_LOAD_BALANCER_ARN: "arn:balancer/shop", ECS_VPC: "vpc-1", ECS_SUBNETS: "subnet-1" },
      ...{ ECS_SECURITY_GROUPS: "sg-1", ECS_PORT_FROM: String(port) },
    }),
  },
];

async function check({ name, program, settings }: Example, also: { commit?: string | null } = {}) {
  const bin = join(dir, "bin");
  mkdirSync(bin, { recursive: true });
  writeFileSync(join(bin, program), `#!/bin/sh\nexec '${process.execPath}' '${STAND_IN}' ${program} "$@"\n`);
  chmodSync(join(bin, program), 0o755);
  const variables = { ...settings(await freePort()), STAND_IN_DIR: dir };
  const script = ["node", join(ROOT, "infra", "targets", name, "target.mjs")];
  const target = { kind: "command", prepare: script, retire: script, environmentVariables: Object.keys(variables) };
  const file = join(dir, "latchkey.config.yaml");
  writeFileSync(file, stringify({ name: "shop", source: ".", build: ["true"], targets: { production: target } }));
  const said = { out: "", err: "" };
  const usual = processTerminal();
  const terminal = {
    ...{ ...usual, cwd: dir, canAsk: false },
    env: { ...usual.env, ...variables, PATH: `${bin}:${usual.env.PATH}` },
    out: (text: string) => {
      said.out += text;
    },
    err: (text: string) => {
      said.err += text;
    },
  };
  const { commit = COMMIT } = also;
  const more = commit === null ? [] : ["--commit", commit];
  const exitCode = await run(["targets", "check", "shop", "-f", file, "--yes", ...more], terminal);
  return { exitCode, ...said };
}
const calls = () => readFileSync(join(dir, "calls.log"), "utf8").trim().split("\n");
const bad = (out: string) => out.split("\n").filter((line) => line.startsWith("BAD"));

describe.each(EXAMPLES)("the example for $name", (example) => {
  it("keeps the contract, makes a release once, and leaves nothing behind", async () => {
    const { exitCode, out } = await check(example);
    expect(bad(out)).toEqual([]);
    expect(exitCode).toBe(0);
    expect(calls().filter((line) => example.makes.test(line))).toHaveLength(1);
    expect(calls().some((line) => line.includes(`registry.example/shop:${COMMIT}`))).toBe(true);
    expect(calls().filter((line) => example.ends.test(line))).toHaveLength(1);
    const left = JSON.parse(readFileSync(join(dir, "state.json"), "utf8"));
    const { services = {}, ecsServices = {}, groups = {}, listeners = [], apps = [], definitions = {} } = left;
    expect(Object.values(services).flatMap((service) => (service as { tags: object[] }).tags)).toEqual([]);
    expect([ecsServices, groups, listeners, apps]).toEqual([{}, {}, [], []]);
    expect(Object.keys(definitions).filter((family) => family !== "base")).toEqual([]);
  });

  it("says which setting is missing, that a release without a commit has no image, and what the provider said", async () => {
    const [setting] = Object.keys(example.settings(1));
    const settings = (port: number) => ({ ...example.settings(port), [setting ?? ""]: "" });
    expect(bad((await check({ ...example, settings })).out).join()).toMatch(/[A-Z_]+ is not set: name it in/);
    expect(bad((await check(example, { commit: null })).out).join()).toContain("no image of it");
    writeFileSync(join(dir, "refuse"), "");
    const refused = await check(example);
    expect(bad(refused.out)[0]).toContain("the credentials have expired");
    expect(refused.exitCode).toBe(1);
  });

  it("names every setting in its README", () => {
    const readme = readFileSync(join(ROOT, "infra", "targets", example.name, "README.md"), "utf8");
    const script = readFileSync(join(ROOT, "infra", "targets", example.name, "target.mjs"), "utf8");
    const used = [...script.matchAll(/need\("(\w+)"\)|process\.env\.(\w+)/g)].map(([, a, b]) => a ?? b ?? "");
    expect(used.length).toBeGreaterThan(3);
    for (const variable of used) expect(readme).toContain(`\`${variable}\``);
  });
});
