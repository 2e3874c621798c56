// A target of Latchkey on Google Cloud Run: each release is a revision with a tag, at the tag's own address.
// Called with JSON on standard input, answers JSON on standard output (docs/guides/command-target.md). Needs gcloud.
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
/** Runs gcloud; what it says against it is said on. Answers its JSON. */
function gcloud(...args) {
  const all = [...args, "--project", need("CLOUD_RUN_PROJECT"), "--region", need("CLOUD_RUN_REGION"), "--quiet"];
  const ran = spawnSync("gcloud", [...all, "--format", "json"], { encoding: "utf8", maxBuffer: 64 * 1024 * 1024 });
  if (ran.error) fail(`gcloud can't be run: ${ran.error.message}.`);
  if (ran.status !== 0) fail(`gcloud ${args.slice(0, 3).join(" ")}: ${ran.stderr.trim().split("\n").at(-1)}`);
  return ran.stdout.trim() === "" ? null : JSON.parse(ran.stdout);
}

const service = `${asked.service}-${asked.environment}`.slice(0, 40).replace(/-+$/, "");
/** Service and tag share a label of a host name, which has 63 characters. */
const tag = `lk-${createHash("sha256").update(asked.release.id).digest("hex").slice(0, 12)}`;
const find = () => gcloud("run", "services", "list", "--filter", `metadata.name=${service}`)?.[0] ?? null;
const addressIn = (found) => found?.status?.traffic?.find((part) => part.tag === tag)?.url ?? null;

const calls = {
  prepare() {
    const before = find();
    const known = addressIn(before);
    if (known) return answer({ upstreams: [known] });
    const { commit, name } = asked.release;
    if (!commit)
      fail("This release is of no commit, so that there is no image of it: commit, and let CI push its image.");
    const image = `${need("CLOUD_RUN_IMAGE")}:${commit}`;
    say(`Deploying ${image} as ${service}, tag ${tag}.`);
    const more = (process.env.CLOUD_RUN_FLAGS ?? "").split(" ").filter((flag) => flag !== "");
    // A service's first revision gets its traffic, whatever is asked; nobody is sent to the service's own address.
    const quietly = before ? ["--no-traffic"] : [];
    const release = `LATCHKEY_RELEASE=${name}`;
    gcloud("run", "deploy", service, "--image", image, "--tag", tag, ...quietly, "--update-env-vars", release, ...more);
    const made = addressIn(find());
    if (!made) fail(`Cloud Run shows no address of the tag ${tag}.`);
    answer({ upstreams: [made] });
  },
  retire() {
    // Its revision stays: without a tag or traffic it has no instances and costs nothing.
    if (addressIn(find())) gcloud("run", "services", "update-traffic", service, "--remove-tags", tag);
    answer({});
  },
};
const call = calls[asked.call];
if (!call) fail(`There is no ${asked.call} here: leave route and counts out, and Latchkey's gateway splits.`);
call();
