import { spawn, spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { PreviewsConfig } from "@latchkey/api/previews";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  connection,
  PushedRepository,
  tellOfPull,
  WEBHOOK_SECRET,
} from "../apps/server/src/testing/github/repository.ts";
import { Installation } from "../apps/server/src/testing/installation.ts";
import { Journey } from "../apps/server/src/testing/journey.ts";
import { until } from "../apps/server/src/testing/until.ts";

/** The configuration and the commands of docs/guides/previews.md, in their order, of a repository with a pull request 12. */
const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), "..");
const guide = readFileSync(join(ROOT, "docs", "guides", "previews.md"), "utf8");
const block = (language: string) => new RegExp(`\`\`\`${language}\n([^]*?)\`\`\``).exec(guide)?.[1] ?? "";
const lines = block("sh").trim().split("\n");
/** TypeScript of one object's members. */
const written: unknown = new Function(`return ({ ${block("ts")} });`)();
/** What the guide calls a commit that the reader has. */
const COMMIT = "5d41402abc";

let journey: Journey;
let repository: PushedRepository;
let pulled: string;
let older: string;

beforeAll(async () => {
  const built = spawnSync(process.execPath, [join(ROOT, "tools", "build.mjs"), "cli"], { encoding: "utf8" });
  expect(built.status, built.stderr).toBe(0);
  const installation = await Installation.start();
  await installation.stop();
  const secretFile = join(installation.dir, "webhook.secret");
  writeFileSync(secretFile, WEBHOOK_SECRET);
  repository = new PushedRepository(installation.dir, join(ROOT, "apps", "server", "src", "testing", "workload"));
  repository.commit("The shop");
  repository.push();
  await installation.start({ githubUrl: repository.url, githubWebhookSecretFile: secretFile });
  const { previews } = written as { previews: unknown };
  journey = await Journey.beginIn(installation, { github: connection(), previews: PreviewsConfig.parse(previews) });
  pulled = repository.commit("Pull 12");
  repository.git("push", "-q", "origin", "HEAD:topic");
  const told = { number: 12, commit: pulled, branch: "topic", state: "open", minute: 1 };
  await tellOfPull(installation.url, told);
  older = repository.commit("An older form");
  repository.commit("A new form");
  repository.git("push", "-q", "origin", "HEAD:new-form");
});
afterAll(() => journey?.end());

/** The guide's service is called leads; the test's has its own name. */
function latchkey(line: string): Promise<{ readonly exitCode: number | null; readonly out: string }> {
  const words = [...line.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? "");
  const own: Readonly<Record<string, string>> = {
    leads: journey.workload.name,
    [COMMIT]: older.slice(0, COMMIT.length),
  };
  const { dir, url } = journey.installation;
  const argv = words.slice(1).map((word) => own[word] ?? word);
  const child = spawn(process.execPath, [join(ROOT, "tools", "latchkey.mjs"), ...argv], {
    cwd: journey.workload.root,
    env: { PATH: process.env.PATH, HOME: dir, LATCHKEY_DIR: dir, LATCHKEY_URL: url, CI: "1" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let out = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (part: Buffer) => (out += part.toString()));
  return new Promise((done) => child.once("close", (exitCode) => done({ exitCode, out })));
}
async function next(beginning: string): Promise<string> {
  const line = lines.shift() ?? "";
  expect(line.startsWith(beginning), line).toBe(true);
  const { exitCode, out } = await latchkey(line);
  expect(exitCode, `${line}: ${out}`).toBe(0);
  return out;
}
const serves = (name: string, commit: string) =>
  until(`${name} serves ${commit}`, async () => {
    await journey.gateway.acknowledge();
    const { items } = await journey.owner.listPreviews({ params: { project: "main" }, query: {} });
    return items.find((p) => p.name === name && p.servingCommit === commit);
  });

test("every command of the guide does what the guide says", async () => {
  await serves("pr-12", pulled);
  expect(await next("latchkey previews leads")).toMatch(/#12 .*http:\/\/pr-12\./);
  expect(await next("latchkey previews leads create --branch new-form")).toContain("new-form of");
  await serves("new-form", repository.git("rev-parse", "HEAD"));
  expect(await next("latchkey previews leads create --branch new-form --commit")).toContain(
    `commit-${older.slice(0, 8)} of`,
  );
  await serves(`commit-${older.slice(0, 8)}`, older);
  expect(await next("latchkey previews leads keep 12 --for 3d")).toMatch(/pr-12 of .* stays until/);
  expect(await next("latchkey previews leads remove 12")).toContain("A newer commit brings it back");
  expect(lines).toEqual([]);
});
