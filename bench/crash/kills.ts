import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Blow, Crashes } from "./crashes.ts";

/** A killed process takes the answers on its connections with it: each of the visitors has one at a time. */
const VISITORS = 4;
const onlyItsConnections = (failures: readonly string[]) => failures.slice(VISITORS);
const none = (failures: readonly string[]) => failures;

/** Each process of an installation, killed as it stands; PostgreSQL also ended in good order. */
export const KILLS: readonly Blow[] = [
  killed("gateway", onlyItsConnections),
  killed("server", none),
  {
    name: "supervisor killed",
    // The gateway is its child and held by it: until the next start nobody answers, and no answer is a failure's.
    unexplained: (failures) => failures.filter((words) => /^\d/.test(words)),
    strike: async (crashes) => {
      crashes.started.child.kill("SIGKILL");
      await crashes.started.ended;
      crashes.started = await crashes.product.up();
    },
  },
  postgres("killed", "SIGKILL"),
  postgres("restarted", "SIGINT"),
  {
    name: "release killed",
    unexplained: onlyItsConnections,
    strike: async (crashes) => {
      const ofTiny = (pid: number) => environmentOf(pid).includes("LATCHKEY_SERVICE=tiny");
      const releases = crashes.product.processes().filter(ofTiny);
      const pid = releases[Math.floor(crashes.random() * releases.length)];
      if (pid === undefined) return;
      // The new release's visitors are refused then: that is evidence.
      if (environmentOf(pid).includes(`LATCHKEY_DEPLOYMENT=${crashes.deploymentId}`))
        crashes.excuse = { ends: ["rolled_back", "failed_start"], words: /./ };
      process.kill(pid, "SIGKILL");
    },
  },
];

function killed(name: "server" | "gateway", unexplained: Blow["unexplained"]): Blow {
  return {
    name: `${name} killed`,
    unexplained,
    strike: async ({ product }) => {
      const pid = product.pidOf(name);
      if (pid > 1) process.kill(pid, "SIGKILL");
    },
  };
}

function postgres(how: string, signal: "SIGKILL" | "SIGINT"): Blow {
  return {
    name: `PostgreSQL ${how}`,
    unexplained: none,
    strike: async ({ product }: Crashes) => {
      const record = readFileSync(join(product.dir, "postgres", "data", "postmaster.pid"), "utf8");
      process.kill(Number(record.split("\n")[0]), signal);
    },
  };
}

const environmentOf = (pid: number): string[] => {
  try {
    return readFileSync(`/proc/${pid}/environ`, "utf8").split("\0");
  } catch {
    return [];
  }
};
