import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Problem } from "@latchkey/api/models";
import { paths, type RouteName } from "@latchkey/api/paths";
import type { Command } from "commander";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createProgram } from "./program.ts";
import { processTerminal } from "./terminal.ts";
import { type Answers, Refusal } from "./testkit/contract-server.ts";
import * as example from "./testkit/examples.ts";
import * as flags from "./testkit/flag-examples.ts";
import * as insight from "./testkit/insight-examples.ts";
import { Bench } from "./testkit/terminal.ts";

const HELP = join(dirname(fileURLToPath(import.meta.url)), "testdata", "help");
let bench: Bench;
beforeEach(async () => {
  bench = new Bench();
  await bench.start();
});
afterEach(async () => {
  await bench.stop();
  expect(bench.server.violations).toEqual([]);
});

const all: Answers = {
  me: () => ({
    principal: { id: "p", name: "root", kind: "person", role: "owner" },
    project: "main",
    version: "0.1.0",
  }),
  createSignInLink: () => ({ url: "http://127.0.0.1:7400/sign-in#fresh", expiresAt: "2026-11-25T02:15:00Z" }),
  getSystem: () => example.system,
  getHealth: () => example.health,
  listTokens: () => example.page(example.token),
  createToken: () => ({ token: example.token, secret: "lk_secret" }),
  revokeToken: () => null,
  listServices: () => example.page(example.summary),
  getService: () => example.service,
  applyService: ({ body }) => ({
    changes: [{ path: "source", before: "apps/old", after: "." }],
    applied: !(body as { dryRun: boolean }).dryRun,
    service: "leads",
  }),
  planCanary: () => example.planned,
  getNetlifyEdge: () => example.netlifyEdge,
  listTargets: () => example.page(example.target),
  listReleases: () => example.page(example.release),
  getRelease: () => ({ ...example.release, files: [], deployments: [] }),
  ship: () => example.deployment,
  listDeployments: () => example.page(example.deployment),
  getDeployment: () => example.deployment,
  getPipeline: () => example.pipeline,
  listChanges: () => example.page(example.pipelineChange),
  getChange: () => example.pipelineChange,
  planRollback: () => example.rollbackPlan,
  getAutomation: () => example.automation,
  getDora: () => insight.dora,
  listInsightDeployments: () => example.page(insight.insightDeployment),
  listInsightIncidents: () => example.page(insight.insightIncident),
  listInsightConflicts: () => example.page(insight.insightConflict),
  correctInsight: () => ({ key: "cor_1" }),
  withdrawInsightCorrection: () => ({ key: "cor_1" }),
  listMigrations: () => ({ items: [example.schema] }),
  planMigrations: () => example.migrationPlan,
  baselineSchema: () => example.baselined,
  dumpSchema: () => ({ sql: "create table lead (id int);\n", words: "" }),
  undoBaseline: () => ({ words: "It is taken back." }),
  contractSchema: () => ({ words: "It runs once no deployment is under way." }),
  listPreviews: () => ({ items: [example.preview] }),
  createPreview: () => ({ ...example.preview, name: "new-form", pullRequest: null, branch: "new-form" }),
  keepPreview: () => example.preview,
  removePreview: () => ({ ...example.preview, state: "ended", address: null }),
  listPromotions: () => ({ items: [example.promotion] }),
  promote: () => example.deployment,
  getZeroTouch: () => example.zeroTouch,
  previewZeroTouch: () => example.zeroTouchPreview,
  rollBack: () => ({ ...example.deployment, words: "Going back.", flags: example.flagsPutBack }),
  listDeploymentPauses: () => ({ items: [example.pause] }),
  resumeDeployments: () => ({ resumed: true, words: "What waited goes on." }),
  splitDeployment: () => ({ items: [example.deployment, { ...example.deployment, id: "dep_2" }] }),
  cancelDeployment: () => example.deployment,
  overrideWindow: () => example.deployment,
  submitEvidence: () => example.evidence,
  listWaivers: () => example.page(example.waiver),
  createWaiver: () => example.waiver,
  revokeWaiver: () => null,
  getRollout: () => example.rollout,
  listLooks: () => example.page(),
  explainRollout: () => example.explanation,
  actOnRollout: () => ({ ...example.rollout, state: "paused" as const }),
  listLedger: () => example.page(example.entry),
  getLedgerEntry: () => example.entry,
  getLedgerProof: () => example.proof,
  getLedgerConsistency: () => example.consistency,
  listSubjects: () => example.page(example.subject),
  eraseSubject: () => ({ ...example.subject, name: "erased", erasedAt: "2026-11-25T02:15:00Z" }),
  getCheckpoint: () => example.proof.checkpoint,
  listBackups: () => ({ items: [example.backup], keep: 7 }),
  createBackup: () => ({ ...example.backup, state: "running" as const, progress: { words: "Beginning", percent: 3 } }),
  getBackup: () => example.backup,
  listPeople: () => example.page(example.person),
  addPerson: () => example.person,
  updatePerson: () => example.person,
  removePerson: () => null,
  createPersonLink: () => ({ url: "http://127.0.0.1:7400/sign-in#ada", expiresAt: "2026-11-25T02:15:00Z" }),
  listApprovals: () => example.page(example.approval),
  getApproval: () => example.approval,
  decideApproval: () => ({ ...example.approval, state: "approved" as const }),
  listFreezes: () => ({ items: [example.freeze] }),
  addFreeze: () => example.freeze,
  liftFreeze: () => null,
  listNotificationChannels: () => ({ items: [example.channel], max: 50 }),
  createNotificationChannel: () => ({ channel: example.channel, signingSecret: "whsec_x", rule: example.rule }),
  updateNotificationChannel: () => example.channel,
  deleteNotificationChannel: () => null,
  testNotificationChannel: () => ({ arrived: true, words: "It answered 204." }),
  rotateNotificationSecret: () => ({ signingSecret: "whsec_y", oldValidUntil: "2026-11-26T02:15:00Z" }),
  listNotificationRules: () => ({ items: [example.rule], max: 100 }),
  createNotificationRule: () => example.rule,
  updateNotificationRule: () => example.rule,
  deleteNotificationRule: () => null,
  listNotificationDeliveries: () => example.page(example.delivery),
  replayNotifications: () => ({ replayed: 1 }),
  listFlags: () => example.page(flags.flagSummary),
  getFlag: () => flags.flag,
  putFlag: () => ({ flag: flags.flag, applied: true, needsApproval: [], changes: [] }),
  switchFlag: () => flags.flag,
  moveRollout: () => flags.flag,
  archiveFlag: () => ({ ...flags.flag, isArchived: true }),
  listFlagVersions: () => example.page(flags.flagVersion),
  restoreFlag: () => flags.flag,
  explainFlag: () => flags.flagAnswer,
  previewFlag: () => flags.flagPreview,
  listFlagEnvironments: () => ({ items: [{ name: "production", needsApproval: true }] }),
  compareFlagEnvironments: () => ({
    items: [
      {
        ...{ flag: "new-lead-form", isInFrom: true, isInTo: true },
        changes: [{ path: "isEnabled", before: false, after: true }],
      },
    ],
  }),
  putFlagEnvironment: () => ({ name: "production", needsApproval: true }),
  proposeFlagChange: () => flags.flagProposal,
  proposeFlagSegmentChange: () => flags.segmentProposal,
  listFlagProposals: () => ({ items: [flags.flagProposal], next: null }),
  decideFlagProposal: () => ({ ...flags.flagProposal, state: "applied" }),
  getFlagResults: () => flags.flagResults,
  listFlagSegments: () => ({ items: [flags.flagSegment] }),
  putFlagSegment: () => flags.flagSegment,
  deleteFlagSegment: () => null,
  listFlagKeys: () => ({ items: [flags.flagClientKey] }),
  createFlagKey: () => ({ key: flags.flagClientKey, secret: "lk_flags_x" }),
  revokeFlagKey: () => null,
  postInsightFacts: ({ body }) => ({ accepted: (body as { facts: unknown[] }).facts.length, known: 0 }),
  verifyLedger: () => ({ ok: true, size: 2, rootHash: "r", words: "2 entries.", firstBadSequence: null }),
};

/** The command that does what each route does. */
const CONDITION = '{"kind":"attribute","attribute":"country","operator":"in","values":["DE"]}';
const COMMANDS: Readonly<Partial<Record<RouteName, readonly string[]>>> = {
  me: ["whoami"],
  createSignInLink: ["sign-in"],
  getSystem: ["system"],
  getHealth: ["health"],
  listTokens: ["tokens"],
  createToken: ["tokens", "create", "ci"],
  revokeToken: ["tokens", "revoke", "ci", "--yes"],
  listServices: ["services"],
  getService: ["service", "leads"],
  applyService: ["apply", "--yes"],
  planCanary: ["plan-canary", "leads"],
  getNetlifyEdge: ["netlify", "edge", "leads"],
  listTargets: ["targets"],
  listReleases: ["releases", "leads"],
  getRelease: ["release", "leads/2"],
  ship: ["ship", "leads"],
  listDeployments: ["deployments", "leads"],
  getDeployment: ["deployment", "leads"],
  splitDeployment: ["split", "leads"],
  getPipeline: ["pipeline"],
  listChanges: ["changes", "leads"],
  getChange: ["change", "leads", "pr-12"],
  cancelDeployment: ["cancel", "dep_1", "--reason", "lunch"],
  overrideWindow: ["override-window", "dep_1", "--reason", "hotfix"],
  submitEvidence: ["evidence", "leads", "tests", "latchkey.config.yaml", "--commit", "0".repeat(40)],
  listWaivers: ["waivers", "leads"],
  createWaiver: ["waive", "dep_1", "tests", "--until", "8h", "--reason", "why"],
  revokeWaiver: ["unwaive", "leads", "wai_1"],
  planRollback: ["rollback", "leads", "--plan"],
  getAutomation: ["automation", "leads"],
  getDora: ["dora", "leads"],
  listInsightDeployments: ["insights", "deployments", "leads"],
  listInsightIncidents: ["insights", "incidents", "leads"],
  listInsightConflicts: ["insights", "conflicts"],
  correctInsight: ["insights", "correct", "dep_1", "--claim", "no_failure", "--reason", "a drill"],
  withdrawInsightCorrection: ["insights", "withdraw", "cor_1", "--reason", "it was not"],
  listMigrations: ["migrations", "leads"],
  planMigrations: ["migrations", "plan", "leads", "--folder", "db"],
  baselineSchema: ["migrations", "baseline", "leads", "--folder", "db"],
  dumpSchema: ["migrations", "dump", "leads"],
  undoBaseline: ["migrations", "baseline", "leads", "--undo", "--reason", "the wrong folder"],
  contractSchema: ["contract", "leads", "0003-contract-mail.sql", "--reason", "unused"],
  listPreviews: ["previews", "leads"],
  createPreview: ["previews", "leads", "create", "--branch", "new-form"],
  keepPreview: ["previews", "leads", "keep", "12", "--for", "3d", "--reason", "a demo"],
  removePreview: ["previews", "leads", "remove", "12", "--reason", "looked at"],
  listPromotions: ["path", "leads"],
  promote: ["promote", "leads", "--to", "production", "--reason", "looked at"],
  getZeroTouch: ["zero-touch", "leads"],
  previewZeroTouch: ["zero-touch", "leads", "--commit", "0123456"],
  rollBack: ["rollback", "leads", "--reason", "wrong prices"],
  listDeploymentPauses: ["resume-deployments"],
  resumeDeployments: ["resume-deployments", "leads", "--reason", "fixed"],
  getRollout: ["rollout", "leads"],
  listLooks: ["looks", "dep_1"],
  explainRollout: ["explain", "leads"],
  actOnRollout: ["pause", "leads", "--reason", "lunch"],
  listLedger: ["ledger", "list", "delivery.rollout"],
  getLedgerEntry: ["ledger", "show", "0"],
  getLedgerProof: ["ledger", "proof", "0"],
  getLedgerConsistency: ["ledger", "proof", "--from", "1", "--to", "2"],
  listSubjects: ["ledger", "subjects"],
  eraseSubject: ["ledger", "erase", "Ada Lovelace", "--yes"],
  getCheckpoint: ["ledger", "verify"],
  listBackups: ["backups"],
  createBackup: ["backup"],
  getBackup: ["backup", "--no-verify"],
  verifyLedger: ["verify-ledger"],
  postInsightFacts: ["import", "csv", "deployments.csv", "--service", "leads"],
  listPeople: ["people"],
  addPerson: ["people", "add", "Ada", "--raci", "sre,lead"],
  updatePerson: ["people", "update", "Ada Lovelace", "--role", "owner"],
  removePerson: ["people", "remove", "Ada Lovelace", "--yes"],
  createPersonLink: ["people", "link", "Ada Lovelace"],
  listApprovals: ["approvals"],
  getApproval: ["approve", "apr_1", "--reason", "read it"],
  decideApproval: ["reject", "leads", "--reason", "the migration locks the table"],
  listFreezes: ["freezes"],
  addFreeze: ["freeze", "leads", "--for", "2h", "--reason", "maintenance"],
  liftFreeze: ["unfreeze", "frz_1"],
  listFlags: ["flags"],
  getFlag: ["flags", "show", "new-lead-form"],
  putFlag: ["flags", "create", "new-lead-form", "--owner", "growth"],
  switchFlag: ["flags", "off", "new-lead-form", "--reason", "errors"],
  moveRollout: ["flags", "rollout", "new-lead-form", "25", "--reason", "no complaints"],
  archiveFlag: ["flags", "archive", "new-lead-form", "--reason", "everybody has it"],
  listFlagVersions: ["flags", "history", "new-lead-form"],
  restoreFlag: ["flags", "restore", "new-lead-form", "1", "--reason", "the rule was wrong"],
  explainFlag: ["flags", "explain", "new-lead-form", "--user", "u-17", "--context", '{"plan":"pro"}'],
  previewFlag: ["flags", "preview", "new-lead-form", "--definition", "{}"],
  listFlagEnvironments: ["flags", "environments"],
  compareFlagEnvironments: ["flags", "compare", "staging", "production"],
  putFlagEnvironment: ["flags", "protect", "production", "--reason", "SOC 2"],
  proposeFlagChange: ["flags", "on", "new-lead-form", "--propose", "--reason", "it is mended"],
  proposeFlagSegmentChange: [
    ...["flags", "set-segment", "abroad", "--when", CONDITION, "--reason", "a new market", "--propose"],
  ],
  listFlagProposals: ["flags", "proposals"],
  decideFlagProposal: ["flags", "approve", "flp_1", "--reason", "read it"],
  getFlagResults: ["flags", "results", "new-lead-form"],
  listFlagSegments: ["flags", "segments"],
  putFlagSegment: ["flags", "set-segment", "abroad", "--when", CONDITION, "--reason", "a new market"],
  deleteFlagSegment: ["flags", "remove-segment", "abroad", "--yes"],
  listFlagKeys: ["flags", "keys"],
  createFlagKey: ["flags", "create-key", "leads-functions"],
  revokeFlagKey: ["flags", "revoke-key", "flk_1"],
  listNotificationChannels: ["notifications"],
  createNotificationChannel: ["notifications", "add", "ours", "--webhook", "https://example.com/hook"],
  updateNotificationChannel: ["notifications", "change", "ours", "--off"],
  deleteNotificationChannel: ["notifications", "remove", "ours", "--yes"],
  testNotificationChannel: ["notifications", "test", "ours"],
  rotateNotificationSecret: ["notifications", "rotate", "ours"],
  listNotificationRules: ["notifications", "rules"],
  createNotificationRule: ["notifications", "add-rule", "alarms", "--channel", "ours", "--outcomes", "failed"],
  updateNotificationRule: [
    ...["notifications", "change-rule", "What matters", "--quiet", "mon-fri 22:00-07:00 Europe/Berlin"],
  ],
  deleteNotificationRule: ["notifications", "remove-rule", "What matters", "--yes"],
  listNotificationDeliveries: ["notifications", "deliveries", "--state", "dead"],
  replayNotifications: ["notifications", "replay", "--channel", "ours"],
};
/** Browsers sign in and out, gateways route and report, workflows exchange their token, other systems answer gates: nobody types that. */
const NOT_TYPED: readonly RouteName[] = [
  ...(["signIn", "signOut", "gatewayRouting", "gatewayReport", "exchangeToken", "answerGate"] as const),
];

describe("everything that the API can do", () => {
  beforeEach(() => {
    bench.server.answers = all;
    writeFileSync(join(bench.dir, "latchkey.config.yaml"), "name: leads\nsource: .\nbuild: [make]\n");
    mkdirSync(join(bench.dir, "db"), { recursive: true });
    writeFileSync(join(bench.dir, "db", "schema.sql"), "create table lead (id int);\n");
    writeFileSync(join(bench.dir, "deployments.csv"), "deployment,finished_at\n1,2026-11-25T02:00:00Z\n");
  });
  it("has a command", () => {
    const missing = (Object.keys(paths) as RouteName[]).filter((name) => !COMMANDS[name] && !NOT_TYPED.includes(name));
    expect(missing).toEqual([]);
  });
  it.each(Object.entries(COMMANDS))("%s: in words and in JSON", async (name, argv) => {
    const words = await bench.run(...argv);
    expect(words).toMatchObject({ exitCode: 0 });
    expect(words.out.trim()).not.toBe("");
    const json = await bench.run(...argv, "--json");
    expect(json).toMatchObject({ exitCode: 0, err: "" });
    expect(() => JSON.parse(json.out) as unknown).not.toThrow();
    expect(bench.server.asked.map((asked) => asked.name)).toContain(name);
  });
});

describe("help", () => {
  const leaves = (command: Command, path: string[] = []): string[][] => [
    path,
    ...command.commands.flatMap((sub) => leaves(sub, [...path, sub.name()])),
  ];
  const commands = leaves(createProgram(processTerminal(), { exitCode: 0 }));
  it.each(commands.map((path) => [path.join(" ") || "latchkey", path] as const))("%s", async (name, path) => {
    const { out, err, exitCode } = await bench.run(...path, "--help");
    expect({ err, exitCode }).toEqual({ err: "", exitCode: 0 });
    expect(out).toContain("\nExamples:\n  ");
    for (const line of out.split("\n")) expect(line.length, line).toBeLessThanOrEqual(115);
    await expect(out).toMatchFileSnapshot(join(HELP, `${name.replaceAll(" ", "-")}.txt`));
  });
  it("documents every exit code", async () => {
    const { out } = await bench.run("--help");
    for (const code of [0, 1, 2, 3, 4]) expect(out).toMatch(new RegExp(`\\n {2}${code} {3}\\S`));
  });
  it("is what a bare call shows", async () => {
    expect((await bench.run()).out).toBe((await bench.run("--help")).out);
  });
});

describe("wrong use", () => {
  it.each([
    [["shp", "leads"], "Unknown command 'shp'. Did you mean ship?", "latchkey --help"],
    [["ship"], "Missing required argument 'service'.", "latchkey ship --help"],
    [["services", "--limt", "3"], "Unknown option '--limt'. Did you mean --limit?", "latchkey services --help"],
    [["services", "--limit", "many"], "--limit many does not fit.", "whole number from 1 to 200"],
    [["pause", "leads"], "Required option '--reason <text>' not specified.", "latchkey pause --help"],
    [["pause", "leads", "--reason", " "], "--reason is empty.", "Say why"],
    [["ship", "leads", "--strategy", "yolo"], "is invalid. Allowed choices are canary", "latchkey ship --help"],
    [["ship", "leads", "--wait", "--timeout", "soon"], "--timeout soon is not a time.", "--timeout 10m"],
    [["ship", "leads", "--timeout", "5m"], "--timeout is for --wait.", "Add --wait"],
    [["ledger", "verfy"], "Did you mean verify?", "Commands: list"],
    [["tokens", "delete"], "There is no command latchkey tokens delete.", "revoke"],
    [["config"], "latchkey config needs one of: check, show, schema.", "latchkey config --help"],
    [["release", "twelve"], "twelve is not a release.", "leads/12"],
    [["completion", "tcsh"], "There is no completion for tcsh.", "bash, zsh, fish"],
  ])("%j: exit code 2, what is wrong, what to do", async (argv, detail, remedy) => {
    const words = await bench.run(...argv);
    expect(words).toMatchObject({ exitCode: 2, out: argv[0] === "config" ? expect.anything() : "" });
    expect(words.err).toContain(detail);
    expect(words.err).toContain(remedy);
    const json = await bench.run(...argv, "--json");
    const problem = JSON.parse(json.err.trim().split("\n").at(-1) ?? "") as Problem;
    expect(Problem.parse(problem)).toMatchObject({ code: "LK_CLI_USAGE" });
    expect(problem.detail).toContain(detail);
  });
});

describe("errors", () => {
  it("are problem JSON with --json, and name the fields in words", async () => {
    const fields = [{ field: "fault", message: "errors=5% or its like" }];
    bench.server.answers = { ship: () => new Refusal(400, "LK_INVALID", '"x" is not a fault.', fields) };
    const words = await bench.run("ship", "leads", "--fault", "x");
    expect(words.exitCode).toBe(1);
    expect(words.err).toContain("  fault: errors=5% or its like\nDo something else.\n(request req_1)");
    const json = await bench.run("ship", "leads", "--fault", "x", "--json");
    expect(json.out).toBe("");
    expect(Problem.parse(JSON.parse(json.err))).toMatchObject({ code: "LK_INVALID", status: 400 });
  });
  it("exit code 4 when the server can't be reached", async () => {
    const { exitCode, err } = await bench.run("services", "--url", "http://127.0.0.1:9", "--json");
    expect(exitCode).toBe(4);
    expect(JSON.parse(err)).toMatchObject({ code: "LK_UNREACHABLE", status: 0, exitCode: 4 });
  });
  it("say where a token comes from when there is none", async () => {
    bench.env.LATCHKEY_TOKEN = "";
    expect((await bench.run("services")).err).toContain("set LATCHKEY_TOKEN");
  });
  it("say in options what to do when another rollout is under way", async () => {
    bench.server.answers = { ship: () => new Refusal(409, "LK_BUSY", "One is under way.") };
    expect((await bench.run("ship", "leads")).err).toContain("--if-busy queue");
  });
});

describe("targets", () => {
  it("a service stands for its rollout under way; without one the last may be looked at, not acted on", async () => {
    bench.server.answers = { ...all, getService: () => example.idle };
    expect((await bench.run("explain", "leads")).exitCode).toBe(0);
    const refused = await bench.run("pause", "leads", "--reason", "prices");
    expect(refused.exitCode).toBe(1);
    expect(refused.err).toContain("Why it ended: latchkey explain leads");
    expect(bench.server.asked.map((a) => a.name)).not.toContain("actOnRollout");
  });
  it("a rollback of a service needs no rollout under way; one of a rollout turns only that back", async () => {
    bench.server.answers = { ...all, getService: () => example.idle };
    expect((await bench.run("rollback", "leads", "--reason", "prices")).exitCode).toBe(0);
    expect(bench.server.asked.map((a) => a.name)).not.toContain("actOnRollout");
    expect((await bench.run("rollback", "rol_1", "--reason", "prices")).exitCode).toBe(0);
    expect(bench.server.asked.at(-1)?.name).toBe("actOnRollout");
    expect((await bench.run("rollback", "leads")).exitCode).toBe(2);
  });
  it("a rollback says which flags have changed since, and with --with-flags what became of them", async () => {
    bench.server.answers = all;
    const seen = await bench.run("rollback", "leads", "--plan");
    expect(seen.out).toMatch(/new-form +isEnabled +true +false/);
    const back = await bench.run("rollback", "leads", "--with-flags", "--reason", "prices");
    expect(bench.server.asked.at(-1)?.body).toMatchObject({ withFlags: true });
    expect(back.out).toContain("1 flag put back: new-form. old-form was left as it is: it is archived.");
    expect((await bench.run("rollback", "rol_1", "--with-flags", "--reason", "prices")).exitCode).toBe(2);
  });
  it("a release by its number, wherever its page is", async () => {
    bench.server.answers = {
      ...all,
      listReleases: ({ query }) =>
        query.cursor === "9"
          ? example.page({ ...example.release, id: "rel_old", number: 1 })
          : { items: [example.release], next: "9" },
    };
    await bench.run("ship", "leads", "--release", "leads/1");
    expect(bench.server.asked.at(-1)).toMatchObject({ name: "ship", body: { releaseId: "rel_old" } });
  });
});

describe("plan-canary", () => {
  const { plan, ...rest } = example.planned;
  it("asks for what was chosen, follows the work on standard error, and answers with a table and a picture", async () => {
    let asked = 0;
    bench.server.answers = {
      planCanary: () => {
        asked += 1;
        return asked < 4 ? { ...rest, state: "working", done: asked * 100, plan: null } : example.planned;
      },
    };
    const chosen = ["--share", "50", "--duration", "20m", "--holdback", "20", "--holdback-for", "24h", "--seed", "7"];
    const { exitCode, out, err } = await bench.run("plan-canary", "leads", ...chosen);
    expect(exitCode).toBe(0);
    expect(bench.server.asked.at(-1)?.query).toMatchObject({
      ...{ share: 50, durationMs: 1_200_000, holdbackPercent: 20, holdbackMs: 86_400_000, seed: 7, runs: 200 },
    });
    expect(err).toContain("100 of 1100 rollouts played");
    expect(out).not.toContain("rollouts played (");
    await expect(out).toMatchFileSnapshot(join(HELP, "..", "plan-canary.txt"));
  });
  it("says in JSON all that the API does, and nothing on standard error", async () => {
    bench.server.answers = { planCanary: () => example.planned };
    const { out, err } = await bench.run("plan-canary", "leads", "--json");
    expect(err).toBe("");
    expect(JSON.parse(out)).toEqual({ ...rest, plan });
  });
  it("is what its guide says", async () => {
    bench.server.answers = { planCanary: () => example.planned };
    const guide = readFileSync(
      join(HELP, "..", "..", "..", "..", "..", "docs", "guides", "canary-planning.md"),
      "utf8",
    );
    const lines = [...guide.matchAll(/^ {4,}npx latchkey (.*)$/gm)].map(([, line = ""]) => line.split(" "));
    expect(lines.length).toBeGreaterThan(3);
    for (const argv of lines) expect(await bench.run(...argv), argv.join(" ")).toMatchObject({ exitCode: 0 });
  });
  it("says what stands in where nothing was measured", async () => {
    const traffic = { ...rest.traffic, measured: false, hours: 0 };
    bench.server.answers = { planCanary: () => ({ ...example.planned, traffic }) };
    expect((await bench.run("plan-canary", "leads")).out).toContain(
      "No traffic was measured yet: these figures are for 72 requests an hour. Another number: --requests-per-hour.",
    );
  });
  it.each([
    [["--share", "95"], "--share 95 does not fit.", "from 0.1 to 90"],
    [["--share", "half"], "--share half does not fit.", "from 0.1 to 90"],
    [["--duration", "2d"], "--duration 2d is not a time.", "10m"],
    [["--runs", "7"], "--runs 7 does not fit.", "from 50 to 1000"],
    [["--margin", "80"], "--margin 80 does not fit.", "from 0.01 to 50"],
  ])("refuses %j before it asks", async (argv, detail, remedy) => {
    const { exitCode, err } = await bench.run("plan-canary", "leads", ...argv);
    expect(exitCode).toBe(2);
    expect(err).toContain(detail);
    expect(err).toContain(remedy);
    expect(bench.server.asked).toEqual([]);
  });
});

describe("notifications", () => {
  beforeEach(() => {
    bench.server.answers = all;
    writeFileSync(join(bench.dir, "bot.token"), "xoxb-of-a-test\n");
    writeFileSync(join(bench.dir, "webhook.url"), "https://hooks.example.com/services/T/B/x\n");
  });
  it("does what its guide says", async () => {
    const guide = readFileSync(join(HELP, "..", "..", "..", "..", "..", "docs", "guides", "notifications.md"), "utf8");
    const lines = [...guide.matchAll(/^ {4,}npx latchkey (.*)$/gm)].map(([, line = ""]) => line.split(" "));
    expect(lines.length).toBeGreaterThan(8);
    const named = { ...example.rule, name: "alarms" };
    bench.server.answers = { ...all, listNotificationRules: () => ({ items: [named], max: 100 }) };
    for (const argv of lines) expect(await bench.run(...argv), argv.join(" ")).toMatchObject({ exitCode: 0 });
  });
  it("takes secrets from files, and says to the server what was written", async () => {
    await bench.run("notifications", "add", "team", "--slack-token-file", "bot.token", "--slack-channel", "#deploys");
    expect(bench.server.asked.at(-1)?.body).toEqual({
      name: "team",
      target: { kind: "slack", token: "xoxb-of-a-test", conversation: "#deploys" },
    });
    await bench.run("notifications", "change-rule", "What matters", "--quiet", "fri-mon 22:00-07:00 Europe/Berlin");
    expect(bench.server.asked.at(-1)?.body).toMatchObject({
      name: "What matters",
      outcomes: ["rolled_back", "failed"],
      quietHours: { days: ["mon", "fri", "sat", "sun"], from: "22:00", to: "07:00", timeZone: "Europe/Berlin" },
    });
  });
  it("prints only the secret on standard output, and a test that fails has exit code 1", async () => {
    const made = await bench.run("notifications", "add", "ours", "--webhook", "https://example.com/hook");
    expect(made.out).toBe("whsec_x\n");
    bench.server.answers = { ...all, testNotificationChannel: () => ({ arrived: false, words: "It answered 503." }) };
    expect(await bench.run("notifications", "test", "ours")).toMatchObject({
      exitCode: 1,
      out: "ours: did not arrive. It answered 503.\n",
    });
  });
  it.each([
    [["add", "x"], "Where does the channel go?"],
    [["add", "x", "--smtp", "mail:25"], "Mail needs a sender"],
    [["add", "x", "--webhook", "https://a.test", "--smtp", "b"], "A channel goes to one place."],
    [["change-rule", "What matters", "--quiet", "nightly"], "--quiet nightly can't be read."],
    [["change-rule", "What matters", "--quiet", "someday 22:00-07:00 UTC"], "there are no days someday"],
    [["replay"], "What is to be sent again?"],
    [["chanels"], "There is no command latchkey notifications chanels."],
  ])("refuses %j", async (argv, detail) => {
    expect(await bench.run("notifications", ...argv)).toMatchObject({
      exitCode: 2,
      err: expect.stringContaining(detail),
    });
  });
});

describe("apply", () => {
  beforeEach(() => {
    bench.server.answers = all;
    writeFileSync(join(bench.dir, "latchkey.config.yaml"), "name: leads\nsource: .\nbuild: [make]\n");
    mkdirSync(join(bench.dir, "db"), { recursive: true });
    writeFileSync(join(bench.dir, "db", "schema.sql"), "create table lead (id int);\n");
  });
  const applied = () => bench.server.asked.filter((a) => !(a.body as { dryRun: boolean }).dryRun).length;
  it("shows the difference and asks", async () => {
    bench.agrees = false;
    expect((await bench.run("apply")).out).toContain('~ source: "apps/old" -> "."');
    expect(applied()).toBe(0);
    bench.agrees = true;
    expect((await bench.run("apply")).out).toContain("Applied: leads.");
    expect(applied()).toBe(1);
  });
  it("asks nobody in CI: --yes or --dry-run", async () => {
    expect(await bench.run("apply")).toMatchObject({ exitCode: 2, err: expect.stringContaining("Add --yes") });
    expect((await bench.run("apply", "--dry-run")).exitCode).toBe(0);
    expect(applied()).toBe(0);
  });
  it("works from a folder below, and names mistakes with their lines", async () => {
    writeFileSync(join(bench.dir, "latchkey.config.yaml"), "name: leads\nsorce: .\nbuild: [make]\n");
    const { exitCode, err } = await bench.run("config", "check", "--json");
    expect(exitCode).toBe(1);
    expect(JSON.parse(err)).toMatchObject({ code: "LK_CLI_CONFIG" });
    expect(err).toContain("line 2, column 1: sorce: there is no such field. Did you mean source?");
  });
  it("checks the server's own configuration too", async () => {
    mkdirSync(join(bench.dir, ".latchkey"));
    writeFileSync(join(bench.dir, ".latchkey", "config.json"), '{"prot": 7500}');
    const { exitCode, err } = await bench.run("config", "check", "--server");
    expect(exitCode).toBe(1);
    expect(err).toContain("Did you mean port?");
  });
});

describe("several servers", () => {
  it("are asked in turn, with the same key, and the one that answers is stayed with", async () => {
    bench.server.answers = all;
    // Nothing listens on the port of discard.
    bench.env = { ...bench.env, LATCHKEY_URL: `http://127.0.0.1:9, ${bench.url}/` };
    expect((await bench.run("ship", "leads")).exitCode).toBe(0);
    expect((await bench.run("system")).out).toContain(`at ${bench.url}`);
  });
  it("are all named when none of them answers", async () => {
    bench.env = { ...bench.env, LATCHKEY_URL: "http://127.0.0.1:9,http://127.0.0.1:19" };
    const { exitCode, err } = await bench.run("services");
    expect(exitCode).toBe(4);
    expect(err).toContain("No answer from http://127.0.0.1:9, http://127.0.0.1:19.");
  });
});

describe("sign-in", () => {
  it("takes the link that the server left when the token may not ask for one", async () => {
    bench.server.answers = { createSignInLink: () => new Refusal(403, "LK_FORBIDDEN") };
    expect((await bench.run("sign-in")).exitCode).toBe(1);
    mkdirSync(join(bench.dir, ".latchkey"));
    writeFileSync(join(bench.dir, ".latchkey", "sign-in.url"), "http://left\n");
    expect(await bench.run("sign-in")).toMatchObject({ exitCode: 0, out: "http://left\n" });
  });
  it("open --browser is signed in", async () => {
    bench.server.answers = all;
    await bench.run("open", "--browser");
    expect(bench.browsed).toEqual(["http://127.0.0.1:7400/sign-in#fresh"]);
    expect((await bench.run("open")).out).toBe(`${bench.url}\n`);
  });
});
