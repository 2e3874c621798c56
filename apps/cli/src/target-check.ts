import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ServiceConfig } from "@latchkey/api/models";
import type { CommandTarget } from "@latchkey/api/target-command";
import { type CallFailure, callScript } from "@latchkey/config/target-command/call";
import { Counted, Prepared, Retired, Routed } from "@latchkey/config/target-command/contract";
import type { Result } from "@latchkey/core/shared/result";
import type { z } from "zod";

/** What scripts are told instead of a real environment: what they keep by it is nobody's. */
export const CHECK_ENVIRONMENT = "latchkey-check";
const ASK_EVERY_MS = 250;
const ASK_WITHIN_MS = 5_000;
/** How long an ended release may go on answering. */
const GONE_WITHIN_MS = 30_000;
/** Answers healthy everywhere: what is checked is the script, not a release. */
const SERVER = `import { createServer } from "node:http";
createServer((request, response) => response.end("ok")).listen(Number(process.env.PORT), process.env.HOST ?? "0.0.0.0");
`;

export interface Step {
  readonly what: string;
  readonly ok: boolean;
  readonly words: string;
}
export interface TargetCheck {
  readonly service: ServiceConfig;
  readonly target: CommandTarget;
  /** The files of a built release; null for one made here that answers everything. */
  readonly folder: string | null;
  readonly commit: string | null;
  readonly variables: Readonly<Record<string, string | undefined>>;
  readonly nowMs: () => number;
  readonly pause: (ms: number) => Promise<void>;
  /** Each step as it was taken. */
  readonly took: (step: Step) => void;
  /** A line that a script says. */
  readonly say: (line: string) => void;
  readonly signal: AbortSignal;
}
type Arm = { readonly upstreams: readonly string[] };

/** Walks a target's scripts through the contract with a release that nobody visits. Answers every step. */
export async function checkTarget(check: TargetCheck): Promise<readonly Step[]> {
  const dir = mkdtempSync(join(tmpdir(), "latchkey-check-"));
  try {
    return await new Walk(check, dir).walk();
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

class Walk {
  readonly #o: TargetCheck;
  readonly #dir: string;
  readonly #releaseId: string;
  readonly #steps: Step[] = [];

  constructor(o: TargetCheck, dir: string) {
    this.#o = o;
    this.#dir = dir;
    this.#releaseId = `rel_check_${o.nowMs()}`;
    mkdirSync(join(dir, "release"));
    mkdirSync(join(dir, "scripts"));
    writeFileSync(join(dir, "release", "server.mjs"), SERVER);
  }

  async walk(): Promise<readonly Step[]> {
    let upstreams: readonly string[] = [];
    try {
      upstreams = await this.#prepares();
      if (upstreams.length > 0 && this.#o.target.route) await this.#routes({ upstreams });
    } finally {
      // Whatever went wrong before: what was begun must not be left behind.
      await this.#retires(upstreams[0] ?? null);
    }
    return this.#steps;
  }

  #step(what: string, ok: boolean, words = ""): boolean {
    const step = { what, ok, words };
    this.#steps.push(step);
    this.#o.took(step);
    return ok;
  }

  #call<T>(name: "prepare" | "route" | "counts" | "retire", more: object, shape: z.ZodType<T>) {
    const { service, target, variables, say, signal } = this.#o;
    const asked = { name, service: service.name, environment: CHECK_ENVIRONMENT, more };
    return callScript(target, asked, shape, { folder: join(this.#dir, "scripts"), variables, say, signal });
  }

  #release(id: string): object {
    const { service, folder, commit } = this.#o;
    return {
      deployment: "dep_check",
      release: { id, name: `${service.name}@0`, commit, folder: folder ?? join(this.#dir, "release") },
      run: folder === null ? ["node", "server.mjs"] : service.run,
      healthPath: service.health.path,
    };
  }

  async #prepares(): Promise<readonly string[]> {
    const prepare = () => this.#call("prepare", this.#release(this.#releaseId), Prepared);
    const first = await prepare();
    if (!this.#answers("prepare brings a release up", first)) return [];
    const { upstreams } = first.value;
    const healthy = await this.#healthOf(upstreams[0] ?? "");
    this.#step("the release is healthy at its first address", healthy === null, healthy ?? "");
    const again = await prepare();
    if (this.#answers("prepare may come twice", again)) {
      const same = again.value.upstreams.join(" ") === upstreams.join(" ");
      const words = `it answered ${again.value.upstreams.join(" ")}, and ${upstreams.join(" ")} before: it must find what it began.`;
      this.#step("prepare finds what it began", same, same ? "" : words);
    }
    return upstreams;
  }

  async #routes({ upstreams }: Arm): Promise<void> {
    // Newer than what a check before this one left.
    const newest = Math.floor(this.#o.nowMs() / 1_000);
    const release = { id: this.#releaseId, name: `${this.#o.service.name}@0` };
    const { apiPrefixes } = this.#o.service.routing;
    const common = { deployment: "dep_check", apiPrefixes, healthPath: this.#o.service.health.path };
    const arms = [{ arm: "baseline", release, upstreams, percent: 100 }];
    const route = (n: number) => this.#call("route", { ...common, generation: { epoch: 1, n }, arms }, Routed);
    for (const turn of ["route serves the shares", "route may come twice"]) {
      const routed = await route(newest);
      if (!this.#answers(turn, routed)) return;
      const { epoch, n } = routed.value.generation;
      const words = `field generation: it serves ${epoch}.${n}, and was asked for 1.${newest}.`;
      if (!this.#step(`${turn}: its generation`, epoch === 1 && n === newest, epoch === 1 && n === newest ? "" : words))
        return;
    }
    const older = await route(newest - 1);
    const refuses = !older.ok && older.error.isOlder;
    const said = older.ok ? "it served it." : older.error.words;
    this.#step("route refuses an older generation", refuses, refuses ? "" : `it must end with exit code 3: ${said}`);
    await this.#counts();
  }

  async #counts(): Promise<void> {
    const first = await this.#call("counts", {}, Counted);
    if (!this.#answers("counts says what came of it", first)) return;
    const again = await this.#call("counts", {}, Counted);
    if (!this.#answers("counts may come twice", again)) return;
    const fell = first.value.arms.find(({ generation, releaseId, requests, errors }) => {
      const same = (arm: Counted["arms"][number]) =>
        arm.releaseId === releaseId && arm.generation.epoch === generation.epoch && arm.generation.n === generation.n;
      const now = again.value.arms.find(same);
      return !now || now.requests < requests || now.errors < errors;
    });
    const grows = fell === undefined || again.value.boot !== first.value.boot;
    const words = `those of ${fell?.releaseId} fell or went away, with the same boot.`;
    this.#step("counts only grow", grows, grows ? "" : words);
  }

  async #retires(upstream: string | null): Promise<void> {
    const retire = (id: string) => this.#call("retire", this.#release(id), Retired);
    const ended = this.#answers("retire ends the release", await retire(this.#releaseId));
    if (ended && upstream !== null) {
      const gone = await this.#isGone(upstream);
      const words = `${upstream} still answers ${GONE_WITHIN_MS / 1_000} s after.`;
      this.#step("nothing answers any more", gone, gone ? "" : words);
    }
    this.#answers("retire may come twice", await retire(this.#releaseId));
    this.#answers("retire of an unknown release is done at once", await retire(`${this.#releaseId}_unknown`));
  }

  #answers<T>(what: string, result: Result<T, CallFailure>): result is { readonly ok: true; readonly value: T } {
    return this.#step(what, result.ok, result.ok ? "" : result.error.words);
  }

  /** Null once it is healthy, else why it was not. */
  async #healthOf(upstream: string): Promise<string | null> {
    const { path, readyTimeoutMs } = this.#o.service.health;
    const until = this.#o.nowMs() + readyTimeoutMs;
    let last = "it did not answer";
    do {
      const status = await statusOf(`${upstream}${path}`);
      if (status === 200) return null;
      if (status !== null) last = `it answered ${status}`;
      await this.#o.pause(ASK_EVERY_MS);
    } while (this.#o.nowMs() < until && !this.#o.signal.aborted);
    return `${upstream}${path} was not 200 within ${Math.round(readyTimeoutMs / 1_000)} s: ${last}.`;
  }

  async #isGone(upstream: string): Promise<boolean> {
    const until = this.#o.nowMs() + GONE_WITHIN_MS;
    do {
      if ((await statusOf(`${upstream}${this.#o.service.health.path}`)) !== 200) return true;
      await this.#o.pause(ASK_EVERY_MS);
    } while (this.#o.nowMs() < until && !this.#o.signal.aborted);
    return false;
  }
}

const statusOf = async (url: string): Promise<number | null> => {
  const signal = AbortSignal.timeout(ASK_WITHIN_MS);
  const answer = await fetch(url, { redirect: "manual", signal, headers: { connection: "close" } }).catch(() => null);
  await answer?.body?.cancel();
  return answer?.status ?? null;
};
