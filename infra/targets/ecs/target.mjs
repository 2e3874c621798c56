// A target of Latchkey on Amazon ECS (Fargate): each release is a service of its own, behind a listener of its own on a
// network load balancer that is there. Its address stays while ECS replaces its tasks.
// Called with JSON on standard input, answers JSON on standard output (docs/guides/command-target.md). Needs the AWS CLI, version 2.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";

/** A network load balancer has 50 listeners unless more are asked for. */
const LISTENERS = 50;

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
/** Runs the AWS CLI. Answers its JSON, or null where its error is one that is expected. */
function aws(args, expected = null) {
  const all = [...args, "--region", need("ECS_REGION"), "--output", "json", "--no-cli-pager"];
  const ran = spawnSync("aws", all, { encoding: "utf8", maxBuffer: 64 * 1024 * 1024 });
  if (ran.error) fail(`aws can't be run: ${ran.error.message}.`);
  if (ran.status === 0) return ran.stdout.trim() === "" ? {} : JSON.parse(ran.stdout);
  if (expected?.test(ran.stderr)) return null;
  return fail(`aws ${args.slice(0, 2).join(" ")}: ${ran.stderr.trim().split("\n").at(-1)}`);
}

/** Names of target groups have at most 32 characters. */
const digest = createHash("sha256").update(`${asked.service}/${asked.environment}/${asked.release.id}`).digest("hex");
const name = `lk-${digest.slice(0, 24)}`;
const cluster = need("ECS_CLUSTER");
const balancer = need("ECS_LOAD_BALANCER_ARN");

/** The operator's task definition with this release's image. */
function taskDefinition() {
  const known = aws(["ecs", "describe-task-definition", "--task-definition", name], /Unable to describe/);
  if (known) return known.taskDefinition;
  const { commit, name: release } = asked.release;
  if (!commit)
    fail("This release is of no commit, so that there is no image of it: commit, and let CI push its image.");
  const { taskDefinition: base } = aws(["ecs", "describe-task-definition", "--task-definition", need("ECS_TASK")]);
  const [first, ...others] = base.containerDefinitions;
  const environment = [...(first.environment ?? []), { name: "LATCHKEY_RELEASE", value: release }];
  const containerDefinitions = [{ ...first, image: `${need("ECS_IMAGE")}:${commit}`, environment }, ...others];
  const kept = ["networkMode", "cpu", "memory", "executionRoleArn", "taskRoleArn", "volumes", "runtimePlatform"];
  const input = {
    family: name,
    requiresCompatibilities: ["FARGATE"],
    containerDefinitions,
    ...Object.fromEntries(kept.filter((key) => base[key] !== undefined).map((key) => [key, base[key]])),
  };
  say(`Registering ${containerDefinitions[0].image}.`);
  return aws(["ecs", "register-task-definition", "--cli-input-json", JSON.stringify(input)]).taskDefinition;
}

const findGroup = () =>
  aws(["elbv2", "describe-target-groups", "--names", name], /TargetGroupNotFound/)?.TargetGroups[0] ?? null;
const listeners = () => aws(["elbv2", "describe-listeners", "--load-balancer-arn", balancer]).Listeners;
const listenerOf = (group) =>
  listeners().find(({ DefaultActions }) => DefaultActions.some((a) => a.TargetGroupArn === group.TargetGroupArn));
const findService = () =>
  aws(["ecs", "describe-services", "--cluster", cluster, "--services", name]).services.find(
    (s) => s.status === "ACTIVE",
  );

function group(port) {
  const known = findGroup();
  if (known) return known;
  const network = ["--protocol", "TCP", "--port", String(port), "--vpc-id", need("ECS_VPC"), "--target-type", "ip"];
  const health = ["--health-check-protocol", "HTTP", "--health-check-path", asked.healthPath];
  return aws(["elbv2", "create-target-group", "--name", name, ...network, ...health]).TargetGroups[0];
}

/** Two releases that are prepared at once may draw the same port: then the next one is taken. */
function listen(made) {
  const known = listenerOf(made);
  if (known) return known;
  const from = Number(process.env.ECS_PORT_FROM ?? 20_000);
  for (let port = from; port < from + LISTENERS; port++) {
    if (listeners().some(({ Port }) => Port === port)) continue;
    const action = `Type=forward,TargetGroupArn=${made.TargetGroupArn}`;
    const place = ["--load-balancer-arn", balancer, "--protocol", "TCP", "--port", String(port)];
    const created = aws(["elbv2", "create-listener", ...place, "--default-actions", action], /DuplicateListener/);
    if (created) return created.Listeners[0];
  }
  return fail(`The load balancer has no free port from ${from} to ${from + LISTENERS - 1}.`);
}

const calls = {
  prepare() {
    const definition = taskDefinition();
    const [container] = definition.containerDefinitions;
    const port = container.portMappings[0].containerPort;
    const made = group(port);
    const listener = listen(made);
    if (!findService()) {
      say(`Starting ${name}.`);
      const subnets = `subnets=[${need("ECS_SUBNETS")}],securityGroups=[${need("ECS_SECURITY_GROUPS")}]`;
      aws([
        ...["ecs", "create-service", "--cluster", cluster, "--service-name", name, "--launch-type", "FARGATE"],
        ...["--task-definition", definition.taskDefinitionArn, "--desired-count", process.env.ECS_COUNT ?? "1"],
        ...["--network-configuration", `awsvpcConfiguration={${subnets}}`],
        ...[
          "--load-balancers",
          `targetGroupArn=${made.TargetGroupArn},containerName=${container.name},containerPort=${port}`,
        ],
      ]);
    }
    say(`Waiting for ${name}.`);
    aws(["ecs", "wait", "services-stable", "--cluster", cluster, "--services", name]);
    const [found] = aws(["elbv2", "describe-load-balancers", "--load-balancer-arns", balancer]).LoadBalancers;
    answer({ upstreams: [`http://${found.DNSName}:${listener.Port}`] });
  },
  retire() {
    if (findService()) aws(["ecs", "delete-service", "--cluster", cluster, "--service", name, "--force"]);
    const made = findGroup();
    if (made) {
      const listener = listenerOf(made);
      if (listener) aws(["elbv2", "delete-listener", "--listener-arn", listener.ListenerArn]);
      aws(["elbv2", "delete-target-group", "--target-group-arn", made.TargetGroupArn]);
    }
    const definition = aws(["ecs", "describe-task-definition", "--task-definition", name], /Unable to describe/);
    const arn = definition?.taskDefinition.taskDefinitionArn;
    if (arn) aws(["ecs", "deregister-task-definition", "--task-definition", arn], /is inactive/);
    answer({});
  },
};
const call = calls[asked.call];
if (!call) fail(`There is no ${asked.call} here: leave route and counts out, and Latchkey's gateway splits.`);
call();
