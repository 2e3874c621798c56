import { ServiceConfig } from "@latchkey/api/models";
import { z } from "zod";
import { TARGET_WORDS } from "./target-words.ts";

/** What an editor shows beside each field: by its path, list entries as `*`. */
const WORDS: Readonly<Record<string, string>> = {
  name: "The service's name: 3 to 40 of a-z, 0-9 and -, starting with a letter.",
  description: "One sentence for people.",
  source: "Folder of the service's sources, relative to this file.",
  build: "Command that writes the release into $LATCHKEY_ARTIFACT. It runs in `source`; each word is an entry.",
  run: "Command that serves the release, run in its folder. It must listen on $PORT.",
  environments: "Where the service is deployed.",
  promotions: "The environments as a path: what serves one may be promoted to the next, which is reached no other way.",
  "promotions.*.from": "The environment that a release must serve before.",
  "promotions.*.to": "The environment that it is promoted to.",
  "promotions.*.automatic":
    "It goes on by itself once it has served `from` for `soakMs`; otherwise a person promotes it.",
  "promotions.*.soakMs": "How long it must have served `from`; ten minutes when it is left out.",
  previews: "An environment of its own for each open pull request of the repository; off when it is left out.",
  "previews.ttlMs": "A preview is removed so long after its newest commit; seven days when it is left out.",
  "previews.most": "So many at once; the next pull request waits. 5 when it is left out.",
  "previews.database":
    "own: an empty database that goes with the preview; none, when left out: no DATABASE_URL. Never that of an environment.",
  "previews.variables": "Variables for its processes. They stand in the configuration: no secrets.",
  "previews.target": "Where previews run: local, when left out, or command.",
  gates: "Checks that a release must pass before it may be deployed.",
  "gates.*.name": "What the gate is called.",
  "gates.*.kind": "What it judges: command (when left out), or what docs/guides/gates.md lists.",
  "gates.*.description": "One sentence for people.",
  "gates.*.owner": "Whose gate it is: a person, a team or a role.",
  "gates.*.environments": "Only deployments to these are asked; all when it is left out.",
  "gates.*.command": "Command run in `source`. Of kind command its exit code 0 passes; of others it writes the report.",
  "gates.*.timeoutMs":
    "The gate fails when it takes longer: 5 minutes, or 7 days for what people or pipelines do, when left out.",
  "gates.*.report": "The report that the command writes, relative to `source`: a path, or a pattern with * and **.",
  "gates.*.from": "Who has the evidence: the gate's own command, or a pipeline that sends it (ci).",
  "gates.*.paths": "Patterns of the files that may go out with nobody watching; every file when it is left out.",
  "gates.*.attended":
    "More patterns of files for which a person is asked, beside migrations, infrastructure and workflows; [] asks for none.",
  "gates.*.maximumFiles": "Changes of more files than this wait for a person; 20 when it is left out.",
  "gates.*.maximumLines": "Changes of more lines than this wait for a person; 400 when it is left out.",
  "gates.*.maximumCommits": "More commits than this at once wait for a person; 10 when it is left out.",
  "gates.*.authorRoles": "Roles, one of which each author must have; anybody's changes when it is left out.",
  "gates.*.quietHours": "For so long after a rollback each change waits for a person; 2 when it is left out.",
  "gates.*.folder": "The folder of the database's migrations, relative to `source`.",
  "gates.*.databaseUrlVariable":
    "The variable, where the server runs, that holds the database's URL; the database that Latchkey keeps for the service when left out.",
  "gates.*.minimumTests": "Fewer tests than this fail; 1 when it is left out.",
  "gates.*.maximumSkipped": "More skipped tests than this fail; any number when it is left out.",
  "gates.*.floorPercent": "Percent of all lines that must be covered; 80 when it is left out.",
  "gates.*.changedFloorPercent": "Percent of the changed lines that must be covered; not asked when it is left out.",
  "gates.*.mayDropPoints":
    "Percentage points by which coverage may fall below the serving release's; 0 when it is left out.",
  "gates.*.criticalHours": "How long a critical finding may stand; 0 when it is left out, null for ever.",
  "gates.*.highHours": "How long a high finding may stand; 24 when it is left out.",
  "gates.*.mediumHours": "How long a medium finding may stand; for ever when it is left out.",
  "gates.*.lowHours": "How long a low finding may stand; for ever when it is left out.",
  "gates.*.permit": "SPDX ids of licences that may be used; no other may.",
  "gates.*.deny": "SPDX ids of licences that may not be used.",
  "gates.*.except": "Components, by name, that somebody has looked at.",
  "gates.*.unknownLicence": "What a component without a licence comes to; fail when it is left out.",
  "gates.*.limits": "How large files of the release may be.",
  "gates.*.limits.*.files": "Files of the release: a pattern with * and **.",
  "gates.*.limits.*.maximumBytes": "All of them together.",
  "gates.*.limits.*.measure": "raw, or gzip: compressed as a browser gets it.",
  "gates.*.url": "Who is asked: https, or this machine.",
  "gates.*.method": "POST when it is left out.",
  "gates.*.callback": "true: the answer may come later, by a call back.",
  "gates.*.roles": "Who may approve: roles.",
  "gates.*.reviews":
    "Which reviews on GitHub are approvals: head (of the pull request's newest commit), any, or off. Left out: head.",
  "gates.*.count": "How many must approve; 1 when it is left out.",
  "gates.*.allow": "When may be deployed, week by week.",
  "gates.*.allow.*.days": "mon to sun.",
  "gates.*.allow.*.from": "Time of day, such as 09:00.",
  "gates.*.allow.*.to": "Time of day, later than `from`.",
  "gates.*.allow.*.timeZone": "IANA time zone, such as Europe/Berlin.",
  "gates.*.freezes": "When may not be deployed.",
  "gates.*.freezes.*.from": "Begin, such as 2026-12-24T00:00:00Z.",
  "gates.*.freezes.*.to": "End.",
  "gates.*.freezes.*.reason": "Why: shown to who waits.",
  "gates.*.minimumPercent": "Percent of the error budget that must be left.",
  "gates.*.required": "false: the result is shown, and a failure stops nothing.",
  health: "How the service tells that it is ready.",
  "health.path": "Answers 200 when the service is ready.",
  "health.readyTimeoutMs": "A release that is not ready by then has failed to start.",
  "health.field": "Where the JSON answer says how the service is, with dots between names; `status` when left out.",
  "health.healthy": "Words there that mean healthy. With any of these lists given, a 200 alone says nothing.",
  "health.degraded": "Words there that mean ready, with something missing. It is told, and stops nothing.",
  "health.unhealthy": "Words there that mean not ready, also with status 200.",
  smoke: "Requests to the new release before it gets any traffic.",
  "smoke.*.path": "Path to GET.",
  "smoke.*.status": "Status that it must answer.",
  "smoke.*.contains": "Text that the answer must contain.",
  warmUp: "Paths to GET again and again before any traffic, so that no visitor meets a cold process.",
  synthetic: "Requests of Latchkey's own to both releases while a canary is judged, where visitors are too few.",
  "synthetic.requestsPerSecond": "In all: what visitors' own requests leave missing is added, half to each release.",
  "synthetic.journeys": "What is asked, in random order. At least one must be a GET or HEAD.",
  "synthetic.journeys.*.path": "Path to ask.",
  "synthetic.journeys.*.method":
    "GET and HEAD are sent as they are; others only while both releases answer a read with `x-latchkey-synthetic: marked`.",
  "synthetic.journeys.*.status": "Status that it must answer; another one counts as an error.",
  "synthetic.journeys.*.contains": "Text that the answer must contain.",
  "synthetic.journeys.*.body": "Sent as JSON.",
  routing: "How the gateway treats the service's requests.",
  "routing.apiPrefixes": "Paths that are split request by request; all else is sticky by visitor.",
  "routing.hosts":
    "Host names of the first environment; of production where the environments are a path. Without any, all that no other service names.",
  "routing.injectBeacon": "Adds a small script to pages that counts page views and script errors.",
  ...TARGET_WORDS,
  strategy: "How a release is exposed.",
  "strategy.kind":
    "canary: step by step under judgement; blue_green: a preview, then all at once with the old one kept warm; all_at_once: at once, and the old one ends.",
  "strategy.steps": "The canary's steps, growing.",
  "strategy.steps.*.trafficPercent": "Share of the traffic that the new release gets in this step.",
  "strategy.steps.*.bakeMs": "The step takes at least this long.",
  "strategy.steps.*.minimumRequests": "Requests that the new release must have had in this step.",
  "strategy.maximumMs": "Without proof this long after exposure, `onInconclusive` decides.",
  "strategy.onInconclusive": "What to do without proof of harm or safety.",
  "strategy.holdbackPercent": "Share that the old release keeps after promotion, to compare with.",
  "strategy.holdbackMs": "How long that lasts.",
  "strategy.autoPromote": "Blue-green: switch once the smoke journeys pass, or wait at the preview for a person.",
  "strategy.batch": "Changes that wait for a rollout and ask for a batch go out in one.",
  "strategy.batch.when":
    "Never (off), while changes come faster than rollouts end (auto, as when it is left out), or always.",
  "strategy.batch.maximumChanges": "In one rollout; 5 when it is left out.",
  rollback: "Going back after a rollout; what is left out has its default.",
  "rollback.windowMs":
    "A release that served so lately (a day) is served again all at once, without gates and analysis; an older one is judged.",
  "rollback.whenUnhealthy": "Go back by itself when a new release is unhealthy, or does not answer, for too long.",
  "rollback.whenBurning":
    "Go back as well when the service burns its error budget for too long; needs --prometheus-url.",
  "rollback.whenBurning.query":
    "An instant PromQL query, such as a burn rate; {{service}} and {{environment}} are filled in.",
  "rollback.whenBurning.above": "A value above this is burning, such as 14.4.",
  "rollback.unhealthyMs": "How long that is; a minute when it is left out.",
  "rollback.deadManMs":
    "A canary that no server has watched for so long is taken back; five minutes when it is left out.",
  "rollback.keepWarmMs":
    "How long the release before keeps running after a promotion, so that going back needs no start; ten minutes when it is left out, 0 ends it at once.",
  "rollback.withFlags":
    "true: a rollback by Latchkey itself also puts back the flags that were changed in the environment since the rollout began; what was switched off since stays off.",
  "rollback.watchMs": "For how long after it was promoted a release is watched so; a day when it is left out.",
  analysis: "How certain the judge must be.",
  github: "The repository that it is built from: docs/guides/github.md.",
  "github.repository": "Owner and name, such as acme/shop.",
  "github.branch": "A push to this branch is deployed.",
  "github.path": "Folder of the repository that source is relative to.",
  "github.watch": "Folders of the repository whose changes are changes of this service; its sources when left out.",
  "github.deployOnMerge": "Whether a push to the branch is deployed by itself.",
  "github.environment": "Where it is deployed; the first environment when left out.",
  "github.keyless": "The workflow whose tokens are exchanged for one of role ci.",
  "github.keyless.repositoryId": "The repository's number: gh api repos/<owner>/<name> --jq .id",
  "github.keyless.workflow": "owner/name/.github/workflows/file.yml@ref",
  "github.keyless.environment": "The environment that the job must name.",
  "github.keyless.ref": "Where the workflow must run; refs/heads/<branch> when left out.",
  "analysis.alpha": "Chance of rolling back a release that does no harm.",
  "analysis.beta": "Chance of promoting a release that is not safe.",
  "analysis.harmErrorRatio": "More extra errors than this are harm (0.0002 is 2 in 10,000).",
  "analysis.safeErrorRatio": "Fewer extra errors than this are safe.",
  "analysis.harmLatency": "Slower by more than this share is harm (0.05 is 5 %).",
  "analysis.safeLatency": "Slower by less than this share is safe.",
  "analysis.settleMs": "Latency is not judged this long after the canary's first requests: the process is still cold.",
  "analysis.latencyFloorMs": "Answers quicker than this count as equal.",
  "analysis.minimumBakeMs": "No promotion before this time under traffic.",
  "analysis.minimumCanaryRequests": "No promotion before this many requests of the canary.",
  "analysis.memoryGrowthRatio":
    "Memory that grows by more than this share while the other's does not is a leak, which is harm.",
  "analysis.metrics": "Metrics of your own, beside errors, latency and broken pages: docs/guides/canary-metrics.md.",
  "analysis.metrics.*.name": "What the metric is called: 2 to 40 of a-z, 0-9 and _.",
  "analysis.metrics.*.description": "One sentence for people.",
  "analysis.metrics.*.called": "What the counted events are called in sentences, in the plural: leads.",
  "analysis.metrics.*.kind":
    "ratio: events among a total; count: events per unit of a total; histogram: values, compared by ranks.",
  "analysis.metrics.*.source":
    "Who counts: the gateway, or a Prometheus that the server was given by --prometheus-url.",
  "analysis.metrics.*.direction": "Whether more is worse (errors) or less is worse (leads).",
  "analysis.metrics.*.severity":
    "critical: decides, and without its proof nothing is promoted; watched: shown, never decides; muted: only kept.",
  "analysis.metrics.*.weight": "Its part of the evidence, beside the built-in metrics with 1 together.",
  "analysis.metrics.*.harm": "A change for the worse by up to this is no harm.",
  "analysis.metrics.*.safe": "To pass, a change for the worse by this much must be excluded.",
  "analysis.metrics.*.max": "The canary's own value must not be above this, whatever the other release's is.",
  "analysis.metrics.*.min": "The canary's own value must not be below this.",
  "analysis.metrics.*.events": "PromQL of counters: what is counted. {{release}} stands for each release.",
  "analysis.metrics.*.total": "PromQL of counters: what it is counted among.",
  "analysis.metrics.*.buckets": "PromQL of a histogram's _bucket counters, with their label le.",
  "analysis.metrics.*.unit": "What a histogram's values are.",
  "analysis.metrics.*.route": "Answers that the gateway counts.",
  "analysis.metrics.*.route.method": "Method of the request.",
  "analysis.metrics.*.route.path": "Path of the request, without its query.",
  "analysis.metrics.*.route.status": "Status of the answer.",
  "analysis.metrics.*.settleMs":
    "How long after its page an answer may come: for so long after a change of share it is not judged (120000).",
  "analysis.metrics.*.per": "What these answers are counted against.",
  "analysis.restartLimit": "This many restarts of the new release are harm.",
};

interface SchemaNode {
  description?: string;
  properties?: Record<string, SchemaNode>;
  items?: SchemaNode;
  oneOf?: SchemaNode[];
  anyOf?: SchemaNode[];
  additionalProperties?: SchemaNode | boolean;
  const?: unknown;
}

/** A JSON Schema (draft 7, which editors know best) for latchkey.config.yaml: a service, or a list of services. */
export function configJsonSchema(): Record<string, unknown> {
  const { $schema: _, ...service } = z.toJSONSchema(ServiceConfig, { io: "input", target: "draft-7" }) as SchemaNode & {
    $schema?: string;
  };
  describeNode(service, "");
  return {
    $schema: "http://json-schema.org/draft-07/schema#",
    title: "Latchkey's configuration of services",
    oneOf: [
      { $ref: "#/definitions/service" },
      { type: "array", minItems: 1, items: { $ref: "#/definitions/service" } },
    ],
    definitions: { service },
  };
}

function describeNode(node: SchemaNode, path: string): void {
  const words = WORDS[path];
  if (words) node.description = words;
  for (const [name, child] of Object.entries(node.properties ?? {}))
    describeNode(child, path ? `${path}.${name}` : name);
  if (node.items) describeNode(node.items, `${path}.*`);
  // Each kind has fields of its own.
  for (const choice of [...(node.oneOf ?? []), ...(node.anyOf ?? [])]) {
    const kind = choice.properties?.kind?.const;
    describeNode(choice, typeof kind === "string" ? `${path}.${kind}` : path);
  }
  // By environment, each as the service's own.
  if (path === "targets" && typeof node.additionalProperties === "object")
    describeNode(node.additionalProperties, "target");
}
