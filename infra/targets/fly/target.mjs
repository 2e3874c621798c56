// A target of Latchkey on Fly.io: each release is an app of its own, which is destroyed when it retires.
// Called with JSON on standard input, answers JSON on standard output (docs/guides/command-target.md). Needs flyctl.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";

const asked = JSON.parse(readFileSync(0, "utf8"));
const say = (line) => process.stderr.write(`${line}\n`);
const answer = (fields) => process.stdout.write(`${JSON.stringify({ version: 1, ...fields })}\n`);

function need(name) {
  const value = process.env[name];
  if (!value) fail(`${name} is not set: name it in the target's environmentVariables, and set it for the server.`);
  return value;
}
function fail(words) {
  say(words);
  process.exit(1);
}
/** Runs flyctl; what it says against it is said on. Answers its standard output. */
function flyctl(...args) {
  const ran = spawnSync("flyctl", args, { encoding: "utf8", maxBuffer: 64 * 1024 * 1024 });
  if (ran.error) fail(`flyctl can't be run: ${ran.error.message}.`);
  if (ran.status !== 0) fail(`flyctl ${args.slice(0, 2).join(" ")}: ${ran.stderr.trim().split("\n").at(-1)}`);
  return ran.stdout;
}

/** Names of apps are shared by all of Fly's customers: the hash keeps ours apart. */
const digest = createHash("sha256").update(`${asked.service}/${asked.environment}/${asked.release.id}`).digest("hex");
const app = `${asked.service.slice(0, 20)}-lk-${digest.slice(0, 16)}`;
const find = () => JSON.parse(flyctl("apps", "list", "--json")).find(({ Name }) => Name === app) ?? null;
/** Public by default; "http://{app}.flycast" where the gateway is in the same private network. */
const address = () => (process.env.FLY_UPSTREAM ?? "https://{app}.fly.dev").replaceAll("{app}", app);

const calls = {
  prepare() {
    const known = find();
    if (known?.Status === "deployed") return answer({ upstreams: [address()] });
    const { commit, name } = asked.release;
    if (!commit)
      fail("This release is of no commit, so that there is no image of it: commit, and let CI push its image.");
    const image = `${need("FLY_IMAGE")}:${commit}`;
    const config = need("FLY_CONFIG");
    if (!known) flyctl("apps", "create", app, "--org", need("FLY_ORG"));
    say(`Deploying ${image} as ${app}.`);
    const release = `LATCHKEY_RELEASE=${name}`;
    flyctl("deploy", "--app", app, "--image", image, "--config", config, "--env", release, "--ha=false", "--yes");
    answer({ upstreams: [address()] });
  },
  retire() {
    if (find()) flyctl("apps", "destroy", app, "--yes");
    answer({});
  },
};
const call = calls[asked.call];
if (!call) fail(`There is no ${asked.call} here: leave route and counts out, and Latchkey's gateway splits.`);
call();
