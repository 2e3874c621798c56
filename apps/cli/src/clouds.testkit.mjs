// Stands in for the command lines of AWS, Google Cloud and Fly in tests: keeps what it is told in STAND_IN_DIR, notes each
// call, and runs releases as small servers on this machine. What it does not know it refuses.
import { spawn } from "node:child_process";
import { appendFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";

const dir = process.env.STAND_IN_DIR;
const [program, ...words] = process.argv.slice(2);
appendFileSync(join(dir, "calls.log"), `${program} ${words.join(" ")}\n`);
const file = join(dir, "state.json");
const state = existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : {};
const keep = () => writeFileSync(file, JSON.stringify(state));
const flag = (name) => words[words.indexOf(name) + 1];
const done = (result) => {
  keep();
  if (result !== undefined) process.stdout.write(JSON.stringify(result));
  process.exit(0);
};
const refuse = (line) => {
  process.stderr.write(`${line}\n`);
  process.exit(1);
};
if (existsSync(join(dir, "refuse"))) refuse("ERROR: the credentials have expired");

const SERVER = 'require("node:http").createServer((_, r) => r.end("ok")).listen(+process.argv[1], "127.0.0.1")';
async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}
function run(port) {
  const child = spawn(process.execPath, ["-e", SERVER, String(port)], { detached: true, stdio: "ignore" });
  child.unref();
  appendFileSync(join(dir, "pids"), `${child.pid}\n`);
  return child.pid;
}
const end = (pid) => pid && process.kill(pid, "SIGKILL");

async function gcloud() {
  state.services ??= {};
  const [, noun, verb, name] = words;
  const found = state.services[name];
  if (noun === "services" && verb === "list") {
    const wanted = state.services[flag("--filter").replace("metadata.name=", "")];
    done(wanted ? [{ status: { traffic: wanted.tags } }] : []);
  }
  if (noun === "deploy") {
    const service = verb;
    if (words.includes("--no-traffic") && !state.services[service])
      refuse("ERROR: --no-traffic not supported when creating");
    const port = await freePort();
    state.services[service] ??= { tags: [] };
    state.services[service].tags.push({ tag: flag("--tag"), url: `http://127.0.0.1:${port}`, pid: run(port) });
    done({});
  }
  if (noun === "services" && verb === "update-traffic") {
    const tag = flag("--remove-tags");
    const gone = found?.tags.find((one) => one.tag === tag);
    if (!gone) refuse(`ERROR: there is no tag ${tag}`);
    end(gone.pid);
    found.tags = found.tags.filter((one) => one !== gone);
    done({});
  }
}

function flyctl() {
  state.apps ??= [];
  const [noun, verb, name] = words;
  const find = (app) => state.apps.find(({ Name }) => Name === app);
  if (noun === "apps" && verb === "list") done(state.apps.map(({ pid: _, ...shown }) => shown));
  if (noun === "apps" && verb === "create") {
    if (find(name)) refuse("Error: Name has already been taken");
    state.apps.push({ Name: name, Status: "pending" });
    done();
  }
  if (noun === "deploy") {
    const app = find(flag("--app"));
    if (!app) refuse("Error: Could not find App");
    app.Status = "deployed";
    app.pid = run(Number(process.env.STAND_IN_PORT));
    done();
  }
  if (noun === "apps" && verb === "destroy") {
    if (!find(name)) refuse("Error: Could not find App");
    end(find(name).pid);
    state.apps = state.apps.filter(({ Name }) => Name !== name);
    done();
  }
}

const BASE = {
  family: "base",
  networkMode: "awsvpc",
  cpu: "256",
  memory: "512",
  containerDefinitions: [{ name: "web", image: "none", portMappings: [{ containerPort: 8080 }] }],
};
function ecs() {
  const [, verb] = words;
  state.definitions ??= { base: BASE };
  state.ecsServices ??= {};
  const { definitions, ecsServices: services } = state;
  if (verb === "describe-task-definition") {
    const found = definitions[flag("--task-definition")];
    if (!found) refuse("An error occurred (ClientException): Unable to describe task definition.");
    done({ taskDefinition: { ...found, taskDefinitionArn: `arn:task/${found.family}` } });
  }
  if (verb === "register-task-definition") {
    const made = JSON.parse(flag("--cli-input-json"));
    definitions[made.family] = made;
    done({ taskDefinition: { ...made, taskDefinitionArn: `arn:task/${made.family}` } });
  }
  if (verb === "deregister-task-definition") {
    delete definitions[flag("--task-definition").replace("arn:task/", "")];
    done({});
  }
  const name = flag("--services") ?? "";
  if (verb === "describe-services") done({ services: services[name] ? [{ serviceName: name, status: "ACTIVE" }] : [] });
  if (verb === "create-service") {
    const group = /targetGroupArn=([^,]+)/.exec(flag("--load-balancers"))[1];
    const listener = state.listeners.find(({ DefaultActions }) => DefaultActions[0].TargetGroupArn === group);
    if (!listener) refuse(`An error occurred: the target group ${group} does not have an associated load balancer.`);
    services[flag("--service-name")] = { pid: run(listener.Port) };
    done({});
  }
  if (verb === "delete-service") {
    end(services[flag("--service")].pid);
    delete services[flag("--service")];
    done({});
  }
  if (verb === "wait") done();
}
function elbv2() {
  const [, verb] = words;
  state.groups ??= {};
  state.listeners ??= [];
  if (verb === "describe-target-groups") {
    const found = state.groups[flag("--names")];
    if (!found) refuse("An error occurred (TargetGroupNotFound): One or more target groups not found");
    done({ TargetGroups: [found] });
  }
  if (verb === "create-target-group") {
    const made = { TargetGroupArn: `arn:group/${flag("--name")}` };
    state.groups[flag("--name")] = made;
    done({ TargetGroups: [made] });
  }
  if (verb === "delete-target-group") {
    const arn = flag("--target-group-arn");
    if (state.listeners.some((l) => l.DefaultActions[0].TargetGroupArn === arn))
      refuse("An error occurred (ResourceInUse): the target group is in use by a listener");
    delete state.groups[arn.replace("arn:group/", "")];
    done({});
  }
  if (verb === "describe-listeners") done({ Listeners: state.listeners });
  if (verb === "create-listener") {
    const Port = Number(flag("--port"));
    if (state.listeners.some((l) => l.Port === Port)) refuse("An error occurred (DuplicateListener): it is taken");
    const TargetGroupArn = /TargetGroupArn=(.+)/.exec(flag("--default-actions"))[1];
    const made = { Port, ListenerArn: `arn:listener/${Port}`, DefaultActions: [{ Type: "forward", TargetGroupArn }] };
    state.listeners.push(made);
    done({ Listeners: [made] });
  }
  if (verb === "delete-listener") {
    state.listeners = state.listeners.filter((l) => l.ListenerArn !== flag("--listener-arn"));
    done({});
  }
  if (verb === "describe-load-balancers") done({ LoadBalancers: [{ DNSName: "127.0.0.1" }] });
}

if (program === "gcloud") await gcloud();
if (program === "flyctl") flyctl();
if (program === "aws" && words[0] === "ecs") ecs();
if (program === "aws" && words[0] === "elbv2") elbv2();
refuse(`the stand-in of ${program} does not know: ${words.join(" ")}`);
