import { readFileSync } from "node:fs";
import { availableParallelism, loadavg } from "node:os";
import { join } from "node:path";
import { type Installation, startOwn, useRunning } from "../../bench/installation.ts";
import { Traffic } from "../../bench/traffic.ts";
import { judgedOf, judgedTable } from "./judge.ts";
import { FAULTS, readOptions, USAGE } from "./options.ts";
import { finalWord, type Outcome, rehearse, type Stage } from "./rehearsal.ts";
import { LEGEND, tableOf } from "./table.ts";

/** `npm run demo`: answers the exit code. */
export async function main(args: readonly string[], root: string): Promise<number> {
  if (args.includes("--help")) {
    console.log(USAGE);
    return 0;
  }
  const options = readOptions(args);
  if (typeof options === "string") {
    console.error(`${options}\n\n${USAGE}`);
    return 2;
  }
  const known: readonly string[] = FAULTS;
  const strange = options.faults.filter((f) => !known.includes(f) && !f.includes("="));
  if (strange.length > 0) {
    console.error(`"${strange[0]}" is not a fault. There are ${FAULTS.join(", ")}.`);
    return 2;
  }
  const stopping = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => stopping.abort());
  const begun = performance.now();
  const say = (words: string) => {
    const at = Math.round((performance.now() - begun) / 1000);
    process.stderr.write(`${String(Math.floor(at / 60)).padStart(2)}:${String(at % 60).padStart(2, "0")}  ${words}\n`);
  };
  let installation: Installation | null = null;
  let traffic: Traffic | null = null;
  let over = false;
  try {
    say(
      options.url
        ? `Using the Latchkey at ${options.url}.`
        : "Starting a Latchkey of its own: database, server, gateway, first release ...",
    );
    installation = options.url ? await useRunning(options.url, root) : await startOwn(root, stopping.signal);
    traffic = new Traffic({ ...options, url: installation.applicationUrl });
    say(
      `Visitors come to ${installation.applicationUrl}: ${options.sessionsPerSecond} sessions a second, seed ${options.seed}.`,
    );
    traffic.start();
    const busy = loadavg()[0] ?? 0;
    if (busy > 2 * availableParallelism())
      say(
        `This machine is busy (load ${busy.toFixed(0)} on ${availableParallelism()} cores): answers vary, and proofs take longer.`,
      );
    const stage: Stage = { client: installation.client, traffic, signal: stopping.signal, say };
    const outcomes: Outcome[] = [];
    for (const fault of options.faults) outcomes.push(await rehearse(stage, fault));
    const final: Outcome[] = [];
    for (const outcome of outcomes) final.push(await finalWord(installation.client, outcome));
    over = true;
    const seconds = Math.round((performance.now() - begun) / 1000);
    const judged = options.judge ? judgedOf(final) : null;
    if (options.json) console.log(JSON.stringify({ seconds, ...(judged ? { judged } : {}), outcomes: final }, null, 2));
    else
      console.log(
        `\n${judged ? judgedTable(judged) : `${tableOf(final)}\n\n${LEGEND}`}\n\n${verdictOn(final)} It took ${Math.floor(seconds / 60)} min ${seconds % 60} s.`,
      );
    return final.every((o) => o.right) ? 0 : 1;
  } catch (error) {
    say(stopping.signal.aborted ? "Stopped." : `It could not go on: ${error instanceof Error ? error.message : error}`);
    return stopping.signal.aborted ? 130 : 1;
  } finally {
    await traffic?.stop();
    if (installation) await leave(installation, options.keep && over, say);
  }
}

const verdictOn = (outcomes: readonly Outcome[]): string => {
  const wrong = outcomes.filter((o) => !o.right).length;
  return wrong === 0 ? "Every verdict was right." : `${wrong} of ${outcomes.length} verdicts were WRONG.`;
};

async function leave(installation: Installation, keep: boolean, say: (words: string) => void): Promise<void> {
  const { own } = installation;
  if (!own) return;
  if (!keep) {
    say("Stopping what was started ...");
    await installation.stop();
    return;
  }
  say(`It runs on. Console: ${readFileSync(join(own.dir, "sign-in.url"), "utf8").trim()}`);
  say(`Application: ${installation.applicationUrl}   State: ${own.dir}   Stop it with: kill ${own.pid}`);
}
