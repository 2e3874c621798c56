import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ArmCounter } from "@latchkey/api/gateway";
import type { CommandTarget } from "@latchkey/api/target-command";
import {
  compareGenerations,
  type Generation,
  generationKey,
  parseGenerationKey,
} from "@latchkey/core/delivery/generation";
import type { RouteFailure, RoutePlan, Router, RouteServed } from "@latchkey/core/delivery/ports";
import { err, ok, type Result } from "@latchkey/core/shared/result";
import { Counted, Routed } from "./contract.ts";
import { callScript } from "./host.ts";

/** What is served is set right this often, where nothing is asked for; a script may cost a provider's call. */
const REPAIR_MS = 60_000;
const COUNT_EVERY_MS = 5_000;
/** Two counts that failed, or took too long: the target is not heard of any more. */
const STALE_MS = 15_000;
const NO_USERS = "";

interface Place {
  readonly folder: string;
  readonly service: string;
  readonly environment: string;
}

/** Splits the traffic by a script, and hears from another what came of it. */
export class CommandRouter implements Router {
  readonly #place: Place;
  readonly #config: CommandTarget;
  readonly #now: () => number;
  readonly #end = new AbortController();
  #served: { readonly plan: string; readonly at: number; readonly notes: readonly string[] } | null = null;
  #counting: NodeJS.Timeout | null = null;
  #counted: { readonly answer: Counted; readonly at: number } | null = null;
  #wrong: string | null = null;
  #news: (hasErrors: boolean) => void = () => {};

  constructor(place: Place, config: CommandTarget, now: () => number) {
    this.#place = place;
    this.#config = config;
    this.#now = now;
  }

  async route(plan: RoutePlan): Promise<Result<RouteServed, RouteFailure>> {
    this.#counting ??= this.#countSoon(0);
    const text = JSON.stringify(plan);
    const served = this.#served;
    const before = this.#before();
    if (before && compareGenerations(plan.generation, before) < 0) return err(older(plan.generation, before));
    if (served?.plan === text && this.#now() - served.at < REPAIR_MS) return ok({ notes: this.#notes(served.notes) });
    this.#served = null;
    // Written before the script runs: no older wish is taken after it, also by the next process.
    this.#remember(plan.generation);
    const { deploymentId: deployment, generation, apiPrefixes, healthPath } = plan;
    const arms = plan.arms.map(({ arm, releaseId, release, upstreams, weightPercent }) => ({
      ...{ arm, release: { id: releaseId, name: release }, upstreams, percent: weightPercent },
    }));
    const { service, environment } = this.#place;
    const routed = await callScript(
      this.#place.folder,
      this.#config,
      {
        name: "route",
        key: "traffic",
        service,
        environment,
        more: { deployment, generation, arms, apiPrefixes, healthPath },
      },
      Routed,
      { say: () => {}, signal: this.#end.signal },
    );
    if (!routed.ok) return err({ kind: routed.error.isOlder ? "older" : "failed", words: routed.error.words });
    const { generation: said, notes } = routed.value;
    if (compareGenerations(said, generation) !== 0) {
      const words = `route's answer, field generation: it serves ${generationKey(said)}, and was asked for ${generationKey(generation)}.`;
      return err({ kind: compareGenerations(said, generation) > 0 ? "older" : "failed", words });
    }
    this.#served = { plan: text, at: this.#now(), notes };
    return ok({ notes: this.#notes(notes) });
  }

  #notes(notes: readonly string[]): readonly string[] {
    return this.#wrong === null ? notes : [...notes, this.#wrong];
  }

  get #stateFile(): string {
    return join(this.#place.folder, "generation");
  }
  #before(): Generation | null {
    if (!existsSync(this.#stateFile)) return null;
    return parseGenerationKey(readFileSync(this.#stateFile, "utf8").trim());
  }
  #remember(generation: Generation): void {
    mkdirSync(this.#place.folder, { recursive: true, mode: 0o700 });
    writeFileSync(`${this.#stateFile}.new`, `${generationKey(generation)}\n`, { mode: 0o600 });
    renameSync(`${this.#stateFile}.new`, this.#stateFile);
  }

  #countSoon(inMs: number): NodeJS.Timeout {
    return setTimeout(() => {
      this.#count()
        .catch((error: Error) => {
          this.#wrong = `counts failed: ${error.message}`;
        })
        .finally(() => {
          if (!this.#end.signal.aborted) this.#counting = this.#countSoon(COUNT_EVERY_MS);
        });
    }, inMs);
  }

  async #count(): Promise<void> {
    const { folder, service, environment } = this.#place;
    const call = { say: () => {}, signal: this.#end.signal };
    const asked = { name: "counts", key: "traffic", service, environment, more: {} } as const;
    const counted = await callScript(folder, this.#config, asked, Counted, call);
    if (!counted.ok) {
      this.#wrong = counted.error.words;
      return;
    }
    this.#wrong = null;
    const before = this.#counted?.answer;
    this.#counted = { answer: counted.value, at: this.#now() };
    const errors = (answer: Counted | undefined) => answer?.arms.reduce((sum, arm) => sum + arm.errors, 0) ?? 0;
    if (errors(counted.value) > errors(before)) this.#news(true);
  }

  /** Null while nothing was heard for too long: the judge then waits. */
  get counts() {
    const counted = this.#counted;
    if (counted === null || this.#now() - counted.at > STALE_MS) return null;
    const { answer } = counted;
    return {
      boot: answer.boot,
      report: () => ({ counters: answer.arms.map((arm) => this.#counter(arm)), taken: () => {} }),
    };
  }
  onNews(news: (hasErrors: boolean) => void): void {
    this.#news = news;
  }

  /** Requests and errors are all that a script is asked for: there are no times, visitors or pages to judge by. */
  #counter({ generation, releaseId, requests, errors }: Counted["arms"][number]): ArmCounter {
    const { service, environment } = this.#place;
    return {
      ...{ service, environment, generation, releaseId, requests, errors, arm: "baseline", routeClass: "api" },
      ...{ latency: {}, pageViews: 0, pageErrors: 0, users: NO_USERS },
    };
  }

  close(): void {
    this.#end.abort();
    if (this.#counting) clearTimeout(this.#counting);
    this.#counting = null;
  }
}

const older = (asked: Generation, served: Generation): RouteFailure => ({
  kind: "older",
  words: `Generation ${generationKey(served)} was asked for already, which is newer than ${generationKey(asked)}.`,
});
