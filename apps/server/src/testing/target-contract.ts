import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { RoutePlan, Router, RunSpec, Target } from "@latchkey/core/delivery/ports";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { until } from "./until.ts";

/** A release that notes its start and answers; `ill` is never healthy. */
const SERVER = `import { createServer } from "node:http";
import { appendFileSync } from "node:fs";
appendFileSync("starts.log", "x");
console.log("it begins");
createServer((request, response) => {
  response.writeHead(process.argv[2] === "ill" && request.url === "/healthz" ? 503 : 200).end(process.env.LATCHKEY_RELEASE);
}).listen(Number(process.env.PORT), "127.0.0.1");
`;

/** A target to be tried, as a server has it. */
export interface TargetOnTrial {
  readonly target: Target;
  /** What a server that was started anew has: nothing in its memory. */
  readonly again: () => Target;
  /** As `RunSpec.target`. */
  readonly config: { readonly kind: string };
  /** Whether a failed start comes with the release's last lines. */
  readonly hasLog: boolean;
  readonly dir: string;
  /** A release in the target's own form: what of its spec is other than a folder with a server in it. */
  readonly make?: (spec: RunSpec, what: What) => Partial<RunSpec>;
  /** How often the release was begun; counted by the server in its folder where nothing is said. */
  readonly startsOf?: (spec: RunSpec) => number;
  /** The host keeps what it has built, at its address: it costs nothing, and people may go back to it. */
  readonly keepsRetired?: boolean;
  close(): Promise<void>;
}
type What = "well" | "ill";

const isUp = async (upstream: string): Promise<boolean> =>
  (await fetch(`${upstream}/`, { headers: { connection: "close" } }).catch(() => null))?.ok === true;

/** What every target does with releases, whatever runs them. */
export function targetContract(name: string, begin: () => Promise<TargetOnTrial>): void {
  describe(`the target ${name}`, () => {
    let on: TargetOnTrial;
    let n = 0;
    beforeAll(async () => {
      on = await begin();
    });
    afterAll(() => on.close());

    const release = (what: What = "well"): RunSpec => {
      n += 1;
      const artifactDir = join(on.dir, `release-${n}`);
      mkdirSync(artifactDir, { recursive: true });
      writeFileSync(join(artifactDir, "server.mjs"), SERVER);
      const spec: RunSpec = {
        ...{ service: "shop", environment: "production", deploymentId: `dep_${n}`, releaseId: `rel_${n}` },
        ...{ releaseName: `shop@${n}`, artifactDir, command: ["node", "server.mjs", what], healthPath: "/healthz" },
        ...{ readyTimeoutMs: what === "ill" ? 1_500 : 30_000, environmentVariables: {}, target: on.config },
      };
      return { ...spec, ...on.make?.(spec, what) };
    };
    const startsOf = (spec: RunSpec) => {
      if (on.startsOf) return on.startsOf(spec);
      const file = join(spec.artifactDir, "starts.log");
      return existsSync(file) ? readFileSync(file, "utf8").length : 0;
    };
    const up = async (spec: RunSpec, target = on.target): Promise<string> => {
      const started = await target.ensureRunning(spec);
      if (!started.ok) throw new Error(started.error.words);
      return started.value.upstreams[0] ?? "";
    };
    const untilGone = (spec: RunSpec, target = on.target) =>
      until("it is gone", async () => {
        await target.tend();
        return !(await target.runs()).some(({ releaseId }) => releaseId === spec.releaseId);
      });

    it("starts a release once, however often and by whomever it is asked", async () => {
      const spec = release();
      const upstream = await up(spec);
      expect(await (await fetch(upstream)).text()).toBe(spec.releaseName);
      expect(await up(spec)).toBe(upstream);
      expect(await up(spec, on.again())).toBe(upstream);
      expect(startsOf(spec)).toBe(1);
      expect(await on.again().upstreamOf(spec)).toBe(upstream);
      await on.target.retire(spec);
      await untilGone(spec);
    });

    it("retires a release once, and nothing of it is left", async () => {
      const spec = release();
      const upstream = await up(spec);
      await on.target.retire(spec);
      await on.target.retire(spec);
      await untilGone(spec);
      if (on.keepsRetired) expect(await isUp(upstream)).toBe(true);
      else await until("nothing answers", async () => !(await isUp(upstream)));
      expect(await on.target.upstreamOf(spec)).toBeNull();
      await on.target.retire(spec);
      expect(startsOf(spec)).toBe(1);
    });

    it("retires nothing where it knows nothing", async () => {
      const other = release();
      const upstream = await up(other);
      await on.target.retire({ releaseId: "rel_unknown", environment: "production" });
      await on.target.retire({ releaseId: other.releaseId, environment: "staging" });
      expect(await isUp(upstream)).toBe(true);
      await on.target.retire(other);
      await untilGone(other);
    });

    it("says why a release did not become ready, and retires what is left of it", async () => {
      const spec = release("ill");
      const started = await on.target.ensureRunning(spec);
      if (started.ok) throw new Error("an unhealthy release was taken for a ready one");
      expect(started.error.words).toMatch(/healthz was not healthy within 2 s\. .*503/);
      if (on.hasLog) expect(started.error.logTail).toContain("it begins");
      await on.target.retire(spec);
      await untilGone(spec);
    });

    it("starts a release again that was retired", async () => {
      const spec = release();
      await up(spec);
      await on.target.retire(spec);
      const upstream = await up(spec);
      expect(await isUp(upstream)).toBe(true);
      await on.target.retire(spec);
      await untilGone(spec);
    });
  });
}

/** A target that splits by itself. */
export interface RouterOnTrial {
  readonly again: () => Router;
  /** Two releases' addresses. */
  readonly upstreams: readonly [old: string, fresh: string];
  /** Asks as a new visitor; answers the text. */
  readonly visit: () => Promise<string>;
  close(): Promise<void>;
}

/** What everything does that splits traffic by itself. */
export function routerContract(name: string, begin: () => Promise<RouterOnTrial>): void {
  describe(`the router of the target ${name}`, () => {
    let on: RouterOnTrial;
    let router: Router;
    beforeAll(async () => {
      on = await begin();
      router = on.again();
    });
    afterAll(() => on.close());

    const plan = (n: number, percent: number, epoch = 1): RoutePlan => ({
      ...{ service: "shop", environment: "production", deploymentId: "dep_1", generation: { epoch, n } },
      arms: (
        [
          {
            arm: "baseline",
            releaseId: "rel_old",
            release: "shop@1",
            upstreams: [on.upstreams[0]],
            weightPercent: 100 - percent,
          },
          {
            arm: "canary",
            releaseId: "rel_new",
            release: "shop@2",
            upstreams: [on.upstreams[1]],
            weightPercent: percent,
          },
        ] as const
      ).filter((arm) => arm.weightPercent > 0),
      ...{ apiPrefixes: ["/api"], healthPath: "/healthz", counted: [], deadMan: { isArmed: false, afterMs: 300_000 } },
    });
    /** Until it is served: what routes may still be coming up. */
    const serve = (asked: RoutePlan) => until("it is served", async () => (await router.route(asked)).ok);
    const visits = async (count: number) => {
      const texts: string[] = [];
      // Some at a time: what a proxy does with a thousand connections at once is another question than how it splits.
      while (texts.length < count) texts.push(...(await Promise.all(Array.from({ length: 25 }, on.visit))));
      expect(texts.filter((text) => text !== "old" && text !== "new")).toEqual([]);
      return texts.filter((text) => text === "new").length;
    };

    it("sends visitors as the shares say, within what chance allows", async () => {
      await serve(plan(1, 0));
      expect(await visits(50)).toBe(0);
      await serve(plan(2, 30));
      const fresh = await visits(1_000);
      // Five standard deviations of a binomial with p = 0.3: one test in two million fails by chance.
      expect(Math.abs(fresh - 300)).toBeLessThan(5 * Math.sqrt(1_000 * 0.3 * 0.7));
    });

    it("sends nobody to a release any more from the moment that 0 % is acknowledged", async () => {
      await serve(plan(3, 50));
      expect(await visits(100)).toBeGreaterThan(0);
      await serve(plan(4, 0));
      expect(await visits(300)).toBe(0);
    });

    it("refuses an older generation, also after it was built anew, and goes on as it was", async () => {
      await serve(plan(10, 0));
      for (const turn of ["as it is", "built anew"]) {
        if (turn === "built anew") router = on.again();
        const refused = await router.route(plan(9, 100));
        expect(refused.ok ? "taken" : refused.error.kind).toBe("older");
        expect(await visits(50)).toBe(0);
      }
      expect((await router.route(plan(10, 0))).ok).toBe(true);
      // A restore from a backup begins an epoch.
      await serve(plan(1, 100, 2));
      expect(await visits(50)).toBe(50);
      await serve(plan(2, 0, 2));
      router = on.again();
      const refused = await router.route(plan(99, 100, 1));
      expect(refused.ok ? "taken" : refused.error.kind).toBe("older");
    });
  });
}
