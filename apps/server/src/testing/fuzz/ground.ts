import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Client } from "@latchkey/api/client";
import { sql } from "kysely";
import type { Executor } from "../../platform/database.ts";
import { newId } from "../../platform/ids.ts";
import { issue } from "../../security/access.controller.ts";
import { GatewayPlayer } from "../gateway-player.ts";
import { connection, PushedRepository } from "../github/repository.ts";
import { Hopeless, until } from "../until.ts";
import { Workload } from "../workload.ts";
import { type Description, type Operation, operationsOf } from "./description.ts";
import { Existing } from "./existing.ts";
import { Known } from "./value.ts";

/** The installation that the fuzz asks, and what it needs of it. */
export interface Ground {
  readonly url: string;
  readonly dir: string;
  /** Makes the service's name its own. */
  readonly mark: string;
  readonly owner: Client;
  readonly gateway: Client;
  /** Where the workload's files are, if not beside its source. */
  readonly fixture?: string;
  /** With the rights of the tables' owner. */
  readonly db: Executor;
  /** Stops the server, does something, starts it again at the same address or another. */
  restart(between: () => Promise<unknown>): Promise<void>;
}

/** Header lines that say who asks. */
export type Credential = readonly (readonly [string, string])[];
export const bearer = (secret: string): Credential => [["Authorization", `Bearer ${secret}`]];
const HOUR_MS = 3_600_000;
const APPROVALS = 40;
const CONTRACT = "0001-contract-nothing.sql";
const main = { project: "main" } as const;
const WORKLOAD = join(import.meta.dirname, "..", "workload");
const PROPOSALS = 20;
const RULES = 3;
const ROLLED_OUT = {
  environments: {
    production: {
      isEnabled: true,
      otherwise: { kind: "rollout", by: "targetingKey", variant: "on", against: "off", percent: 10 } as const,
    },
  },
};
/** Branches that have a preview, which is called like them: some are removed, and some are there to be kept. */
const PREVIEWS = ["preview-one", "preview-two", "preview-three"];
/** Where the server finds the repository that is furnished in a folder: its githubUrl. */
export const hubIn = (dir: string): string => `file://${join(dir, "hub")}`;

/** An installation with a service, two deployments that ended, as a batch that was rolled back, and a rollout that is paused. */
export class Furnished {
  readonly ground: Ground;
  readonly operations: readonly Operation[];
  readonly existing = new Existing();
  readonly secrets: { readonly owner: string; readonly viewer: string; readonly gateway: string };

  readonly #workload: Workload;
  readonly #repository: PushedRepository;

  private constructor(ground: Ground, operations: readonly Operation[], secrets: Furnished["secrets"]) {
    this.ground = ground;
    this.#workload = new Workload(ground, ground.fixture);
    // What previews are made of.
    this.#repository = new PushedRepository(ground.dir, ground.fixture ?? WORKLOAD);
    this.#repository.commit("The shop");
    this.#repository.push();
    for (const branch of PREVIEWS) this.#repository.git("push", "-q", "origin", `HEAD:${branch}`);
    this.operations = operations;
    this.secrets = secrets;
  }

  static async make(ground: Ground): Promise<Furnished> {
    const make = async (role: "owner" | "viewer" | "gateway") =>
      (await ground.owner.createToken({ body: { name: `fuzz ${role}`, role } })).secret;
    const secrets = { owner: await make("owner"), viewer: await make("viewer"), gateway: await make("gateway") };
    const headers = { authorization: `Bearer ${secrets.owner}` };
    const description = (await (await fetch(`${ground.url}/api/v1/openapi.json`, { headers })).json()) as Description;
    const made = new Furnished(ground, operationsOf(description), secrets);
    for (const token of (await ground.owner.listTokens({})).items) made.existing.spare(token.id);
    // Whoever removes this person cuts the fuzz off, too.
    for (const person of (await ground.owner.listPeople({ params: main })).items) made.existing.spare(person.id);
    const workload = made.#workload;
    await made.#ship();
    made.existing.add("root", workload.root);
    await made.#pullRequest(workload.name);
    await made.#approvals(workload.name);
    await made.#flags();
    made.#commit();
    for (const name of [workload.name, "fuzz-one", "fuzz-two"]) made.existing.add("service", name);
    return made;
  }

  /** The workload's own configuration: the fuzz applies others under its name. */
  async configure(): Promise<void> {
    const tests = { name: "unit tests", command: ["node", "gate.mjs"], timeoutMs: 150_000 };
    // Where nothing is deployed: it waits for what a pipeline sends.
    const evidence = { name: "evidence", kind: "tests" as const, from: "ci" as const, environments: ["staging"] };
    const schema = { name: "schema", kind: "migrations" as const, folder: "db" };
    await this.#workload.apply({
      gates: [tests, evidence, schema],
      environments: ["production", "staging"],
      promotions: [{ from: "production", to: "staging" }],
      github: connection({ deployOnMerge: false }),
      previews: {},
    });
    const params = { ...main, service: this.#workload.name };
    for (const branch of PREVIEWS) await this.ground.owner.createPreview({ params, body: { branch } });
    await this.#channel();
    await this.#proposals();
    await this.#corrections();
  }

  /** Something that can be taken back, as soon as there is a deployment to say it of. */
  async #corrections(): Promise<void> {
    const { owner } = this.ground;
    const { items } = await owner.listInsightDeployments({ params: main, query: {} });
    const deployment = items.find(({ key }) => key.startsWith("dep_"))?.key;
    if (deployment === undefined) return;
    const body = { claim: "no_failure", deployment, reason: "for the fuzz" } as const;
    this.existing.add("correction", (await owner.correctInsight({ params: main, body })).key);
  }

  /** The fuzz deletes channels, and the last rule with them. */
  async #channel(): Promise<void> {
    const { owner } = this.ground;
    const known = await owner.listNotificationRules({ params: main });
    if (known.items.length >= RULES) {
      this.existing.learn(known);
      return;
    }
    const target = { kind: "webhook", url: "http://127.0.0.1:9/" } as const;
    for (let i = known.items.length; i < RULES; i++)
      this.existing.learn(await owner.createNotificationChannel({ params: main, body: { name: `fuzz ${i}`, target } }));
    // Each channel comes with a first rule.
    this.existing.learn(await owner.listNotificationRules({ params: main }));
  }

  /** Each of them can be withdrawn once. The fuzz changes and archives flags: so they are of one of their own. */
  async #proposals(): Promise<void> {
    const { owner } = this.ground;
    const flag = newId("flag").replace("_", "-");
    await owner.putFlag({ params: { ...main, flag }, body: { definition: ROLLED_OUT, reason: "for the fuzz" } });
    for (let i = 0; i < PROPOSALS; i++) {
      const change = { kind: "rollout", environment: "production", percent: 20 + i } as const;
      const body = { change, reason: "for the fuzz" };
      this.existing.learn(await owner.proposeFlagChange({ params: { ...main, flag }, body }));
    }
  }

  /** The sources are in a repository, so that there is a commit to ask about. */
  #commit(): void {
    const git = (...args: string[]) =>
      execFileSync("git", ["-c", "user.name=Fuzz", "-c", "user.email=fuzz@example.org", ...args], {
        cwd: this.#workload.root,
        encoding: "utf8",
      }).trim();
    git("init", "-q");
    git("add", "-A");
    git("commit", "-q", "-m", "for the fuzz");
    this.existing.add("commit", git("rev-parse", "HEAD"));
  }

  async #ship(): Promise<void> {
    const workload = this.#workload;
    const { owner, gateway } = this.ground;
    this.#migrations();
    await this.configure();
    // Where nothing is deployed: one that can be taken back, and taken again.
    await owner.baselineSchema({
      params: { ...main, service: workload.name },
      body: { environment: "staging", files: [{ file: "0000-before.sql", text: "select 1;\n" }] },
    });
    const player = new GatewayPlayer(gateway);
    const act = (rolloutId: string, action: "abort" | "pause") =>
      owner.actOnRollout({ params: { ...main, rolloutId }, body: { action, reason: "for the fuzz" } });
    const ship = async (version: string, ...states: string[]): Promise<string> => {
      workload.will({ version });
      const { id } = await owner.ship({
        params: { ...main, service: workload.name },
        body: version === "1" ? { strategy: "all_at_once" } : {},
      });
      return until(`the rollout of version ${version} is ${states.join(" or ")}`, async () => {
        const { rolloutId, finishedAt, words } = await owner.getDeployment({ params: { ...main, deploymentId: id } });
        if (rolloutId === null && finishedAt !== null) throw new Hopeless(`the deployment ended: ${words}`);
        if (rolloutId === null) return null;
        await player.serve();
        const { state } = await owner.getRollout({ params: { ...main, rolloutId } });
        return states.includes(state) ? rolloutId : null;
      });
    };
    // Two that served: there is something to go back to.
    await ship("0", "completed");
    await ship("1", "completed");
    await act(await ship("2", "progressing", "holdback"), "abort");
    await until("the aborted rollout has ended", async () => {
      await player.serve();
      const { items } = await owner.listDeployments({ params: main });
      return items.every((d) => d.finishedAt !== null);
    });
    await this.#batchTakenBack();
    await act(await ship("3", "progressing"), "pause");
    for (const list of ["listDeployments", "listLedger", "listSubjects", "listServices"] as const)
      this.existing.learn(await owner[list]({ params: main }));
    this.existing.learn(await owner.listReleases({ params: { ...main, service: workload.name } }));
    this.existing.learn(await owner.getCheckpoint({}));
    await until("insights know of the deployments", async () => {
      await this.#corrections();
      return this.existing.resolve(new Known("correction", 0)) !== "no-correction";
    });
  }

  /** A contract that always fails: it can be asked for again and again, and keeps no release from being served. */
  #migrations(): void {
    const folder = join(this.#workload.root, "app", "db");
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, CONTRACT), "select 1 / 0;\n");
    this.existing.add("migration", CONTRACT);
  }

  /** A change as GitHub tells of one: the fuzz signs no deliveries. */
  async #pullRequest(service: string): Promise<void> {
    await sql`insert into change (project, service, key, pull_request, title, state, opened_at)
      values ('main', ${service}, 'pr-1', 1, 'A change', 'open', now())`.execute(this.ground.db);
    this.existing.add("change", "pr-1");
  }

  /** Flags that share a segment, with a rollout to move. */
  async #flags(): Promise<void> {
    const { owner } = this.ground;
    for (const flag of ["flag-one", "flag-two"]) {
      await owner.putFlag({
        params: { ...main, flag },
        body: { definition: ROLLED_OUT, reason: "for the fuzz" },
      });
      this.existing.add("flag", flag);
    }
    for (const segment of ["segment-one", "segment-two"]) {
      const when = { kind: "attribute", attribute: "country", operator: "in", values: ["DE"] } as const;
      await owner.putFlagSegment({ params: { ...main, segment }, body: { when, reason: "for the fuzz" } });
      this.existing.add("segment", segment);
    }
    for (const name of ["one", "two"])
      this.existing.learn(await owner.createFlagKey({ params: main, body: { name, environment: "production" } }));
  }

  /** What waits for people: each of them can be decided once. */
  async #approvals(service: string): Promise<void> {
    for (let i = 0; i < APPROVALS; i++) {
      const id = newId("apr");
      await sql`insert into approval (id, project, subject, gate, service, environment, words, needed, asked_by)
        values (${id}, 'main', ${`deployment/${i}`}, 'four eyes', ${service}, 'production', 'A change', 10,
          '{"id": "p", "kind": "person", "name": "somebody"}'::jsonb)`.execute(this.ground.db);
      this.existing.add("approval", id);
    }
  }

  /** The two that have ended, as if they had gone out together: outside git nothing does. */
  async #batchTakenBack(): Promise<void> {
    const { owner, db } = this.ground;
    const [carrier, joined] = (await owner.listDeployments({ params: main })).items;
    const carries = [joined, carrier].map((d) => ({ deploymentId: d?.id, releaseId: d?.release?.id }));
    await sql`update deployment set status = 'rolled_back', carries = ${JSON.stringify(carries)}::jsonb
      where id = ${carrier?.id}`.execute(db);
    await sql`update deployment set status = 'rolled_back', carrier_id = ${carrier?.id} where id = ${joined?.id}`.execute(
      db,
    );
  }

  /** Credentials that let nobody in, by what is wrong with them. Made with the database: some can't be had otherwise. */
  async badCredentials(): Promise<Readonly<Record<string, Credential>>> {
    const { db } = this.ground;
    const make = (project: string, kind: "token" | "sign_in" | "session", ms = HOUR_MS) =>
      issue(db, { project, name: "nobody", role: "owner", kind, ms });
    const revoked = await make("main", "token");
    await sql`update access_token set revoked_at = now() where id = ${revoked.id}`.execute(db);
    const expired = await make("main", "token", -HOUR_MS);
    const session = await make("main", "session");
    const other = await make("other", "token");
    return {
      none: [],
      "an empty token": [["Authorization", "Bearer "]],
      "a made-up token": bearer(`lk_${"A".repeat(43)}`),
      "a made-up cookie": [["Cookie", `lk_session=lk_${"A".repeat(43)}`]],
      "a good token in another scheme": [
        ["Authorization", `Basic ${Buffer.from(`x:${this.secrets.owner}`).toString("base64")}`],
      ],
      "a good token with more behind it": bearer(`${this.secrets.owner}x`),
      "a revoked token": bearer(revoked.secret),
      "an expired token": bearer(expired.secret),
      "a sign-in link's secret": bearer((await make("main", "sign_in")).secret),
      [OTHER_PROJECT]: bearer(other.secret),
      [FOREIGN_PAGE]: [
        ["Cookie", `lk_session=${session.secret}`],
        ["Origin", "http://evil.example"],
      ],
      [role("owner")]: bearer(this.secrets.owner),
      [role("viewer")]: bearer(this.secrets.viewer),
      [role("gateway")]: bearer(this.secrets.gateway),
    };
  }
}

export const OTHER_PROJECT = "an owner's token of another project";
export const FOREIGN_PAGE = "a session's cookie, sent by a foreign page";
export const role = (name: string): string => `a good token of the role ${name}`;
