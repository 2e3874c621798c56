import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, expect, test } from "vitest";
import { parse } from "yaml";

/** The step of action.yml is run as GitHub runs it: in bash, with its inputs in the environment. */
const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), "..");
const action = parse(readFileSync(join(ROOT, "action.yml"), "utf8")) as {
  inputs: Record<string, { default?: string; required?: boolean }>;
  runs: { steps: { env: Record<string, string>; run: string }[] };
};
const [step] = action.runs.steps;

beforeAll(() => {
  const built = spawnSync(process.execPath, [join(ROOT, "tools", "build.mjs"), "cli"], { encoding: "utf8" });
  expect(built.status, built.stderr).toBe(0);
});

function act(inputs: Record<string, string>) {
  const env: Record<string, string> = {};
  for (const [name, value] of Object.entries(step?.env ?? {})) {
    const input = /^\$\{\{ inputs\.([\w-]+) \}\}$/.exec(value)?.[1] ?? "";
    expect(action.inputs, value).toHaveProperty([input]);
    env[name] = inputs[input] ?? action.inputs[input]?.default ?? "";
  }
  return spawnSync("bash", ["-eo", "pipefail", "-c", step?.run ?? "exit 99"], {
    encoding: "utf8",
    cwd: ROOT,
    env: {
      PATH: process.env.PATH,
      GITHUB_ACTION_PATH: ROOT,
      ...{ GITHUB_ACTIONS: "true", GITHUB_SHA: "f".repeat(40), GITHUB_REF_NAME: "main", GITHUB_EVENT_NAME: "push" },
      ...env,
    },
  });
}

test("the Action runs the command with its inputs, and fails with it", () => {
  const url = "http://127.0.0.1:9";
  const known = act({ service: "leads", url, deploy: "false" });
  expect(known, known.stderr).toMatchObject({
    status: 0,
    stdout: expect.stringContaining("GitHub Actions: commit ffffffffff of main."),
  });
  const without = act({ service: "leads", url });
  expect(without).toMatchObject({ status: 1, stderr: expect.stringContaining("This pipeline has no token.") });
  expect(act({ service: "leads", url, token: "lk_x" })).toMatchObject({
    status: 4,
    stderr: expect.stringContaining(url),
  });
  expect(act({ service: "leads", url, evidence: "tests=action.yml\nother=gone.xml\n" })).toMatchObject({
    ...{ status: 2, stderr: expect.stringContaining("There is no report gone.xml") },
  });
  expect(act({ service: "leads", url, timeout: "soon" })).toMatchObject({ status: 2 });
});

test("no input is read as a command", () => {
  for (const hostile of ['$(touch "$HOME/owned")', "; exit 0", "--no-deploy"]) {
    const { status, stdout } = act({
      service: "leads",
      url: "http://127.0.0.1:9",
      environment: hostile,
      token: "lk_x",
    });
    expect([status, stdout.includes("Nothing was asked for")]).toEqual([4, false]);
  }
  // Every expression is in `env`: the script itself has none.
  expect(step?.run).not.toContain("${{");
  for (const [name, input] of Object.entries(action.inputs))
    expect(input.required === true || input.default !== undefined, name).toBe(true);
});
