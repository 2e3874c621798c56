import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { serverFlagsHelp } from "@latchkey/config/server";
import { Kept } from "./child.ts";
import { applyFlags, applyServices, firstReleases } from "./first-release.ts";
import { boundLogs, LOOK_EVERY_MS } from "./logs.ts";
import { preparePlace } from "./place.ts";
import { holdPort, portComplaint } from "./ports.ts";
import { endOrphans, leaveFolder, takeFolder, writeRecord } from "./record.ts";
import { programs, readSettings, type Settings } from "./settings.ts";
import { type Progress, Steps } from "./step.ts";

/**
 * Keeps the server and the gateway running, and stops everything it started, in order, and nothing else.
 * Releases and PostgreSQL outlive a crash of the server on purpose; at a full stop the server's own commands end them.
 */
const SERVER_UP_MS = 60_000;
const GATEWAY_UP_MS = 30_000;
/** A release has 10 s to end, PostgreSQL 10 s; starting it for the purpose, where it had crashed, takes some more. */
const STOP_STEP_MS = 45_000;
/** npm and the terminal both pass Ctrl-C on: within this it is one and the same. */
const SAME_SIGNAL_MS = 500;

class Stopped extends Error {}

class Supervisor {
  readonly #s: Settings;
  readonly #progress: Progress;
  readonly #steps = new Steps();
  readonly #kept: Kept[] = [];
  readonly #named = new Map<string, Kept>();
  #stoppingSince: number | null = null;
  #ownsFolder = false;

  constructor(settings: Settings, progress: Progress) {
    this.#s = settings;
    this.#progress = progress;
  }

  async up(): Promise<void> {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => this.#signalled());
    // The programs are others now: `latchkey upgrade` asks for it, and sees by the record and /readyz how it went.
    process.on("SIGUSR2", () => void this.#renew());
    // A terminal that closed takes no more words; that must not end us before the others.
    for (const stream of [process.stdout, process.stderr]) stream.on("error", () => undefined);
    const { dir, url, port, gatewayPort, applicationUrl } = this.#s;
    preparePlace(dir);
    const other = takeFolder(dir);
    if (other !== null)
      throw new Error(
        `Latchkey runs already in ${dir} (process ${other}). Stop that one first, or set LATCHKEY_DIR and other ports.`,
      );
    this.#ownsFolder = true;
    const orphans = await endOrphans(dir);
    if (orphans > 0) this.#progress.say(`Ended ${orphans} processes that an earlier start had left behind.`);
    const complaint =
      (await portComplaint(port, "the server", "LATCHKEY_PORT")) ??
      (await portComplaint(gatewayPort, "the application", "LATCHKEY_GATEWAY_PORT"));
    if (complaint !== null) throw new Error(complaint);
    boundLogs(dir);
    setInterval(() => boundLogs(dir), LOOK_EVERY_MS).unref();

    const { step } = this.#progress;
    await step("Starting PostgreSQL and the server", "Started PostgreSQL and the server", () => {
      const server = this.#keep("server", programs(this.#s.root).server);
      return this.#until(server, "server", `${url}/readyz`, SERVER_UP_MS);
    });
    const { bare } = this.#s;
    const applying = bare ? Promise.resolve(false) : applyServices(this.#s, this.#steps, this.#progress);
    await step("Starting the gateway", "Started the gateway", () => {
      const gateway = this.#keep("gateway", programs(this.#s.root).gateway, holdPort(gatewayPort));
      return this.#until(gateway, "gateway", `${applicationUrl}/__latchkey/healthz`, GATEWAY_UP_MS);
    });
    if ((await applying) && this.#stoppingSince === null) await applyFlags(this.#s, this.#steps, this.#progress);
    if ((await applying) && this.#stoppingSince === null) await firstReleases(this.#s, this.#steps, this.#progress);
    if (this.#stoppingSince === null) this.#progress.say(welcome(this.#s));
  }

  #logOf(name: string): string {
    return join(this.#s.dir, "logs", `${name}.log`);
  }

  #keep(name: "server" | "gateway", script: string, socket?: number): Kept {
    const kept: Kept = new Kept({
      name,
      script,
      logFile: this.#logOf(name),
      env: socket === undefined ? this.#s.env : { ...this.#s.env, LATCHKEY_GATEWAY_LISTEN_FD: "3" },
      ...(socket === undefined ? {} : { socket }),
      say: (words) => this.#progress.say(words),
      onChange: () => this.#note(),
    });
    if (this.#stoppingSince !== null) throw new Stopped();
    this.#named.set(name, kept);
    // The last started is the first stopped.
    this.#kept.unshift(kept);
    kept.start();
    return kept;
  }
  #note(): void {
    writeRecord(
      this.#s.dir,
      [...this.#named].map(([name, kept]) => ({ name, pid: kept.pid })),
    );
  }

  /** Until it answers; throws its own last words when it gives up. */
  async #until(kept: Kept, name: string, address: string, withinMs: number): Promise<void> {
    const deadline = performance.now() + withinMs;
    while (!(await answers(address))) {
      if (this.#stoppingSince !== null) throw new Stopped();
      if (kept.gaveUp)
        throw new Error(lastWords(this.#logOf(name)) ?? `The ${name} ended. Its log: ${this.#logOf(name)}`);
      if (performance.now() > deadline)
        throw new Error(`The ${name} did not come up within ${withinMs / 1000} s. Its log: ${this.#logOf(name)}`);
      await new Promise((r) => setTimeout(r, 25));
    }
    kept.settle();
  }

  /** The server first, while the gateway serves; the gateway, whose port stays held, only once the server is up. */
  async #renew(): Promise<void> {
    if (this.#stoppingSince !== null) return;
    try {
      const { url } = this.#s;
      const [server, gateway] = [this.#named.get("server"), this.#named.get("gateway")];
      if (!server || !gateway) return;
      this.#progress.say("The server is restarted with the programs that are there now.");
      await server.restart();
      await this.#until(server, "server", `${url}/readyz`, SERVER_UP_MS);
      await gateway.restart();
    } catch (error) {
      if (!(error instanceof Stopped)) this.#progress.say(error instanceof Error ? error.message : String(error));
    }
  }

  async restart(name: string): Promise<void> {
    await this.#named.get(name)?.restart();
  }

  #signalled(): void {
    if (this.#stoppingSince === null) {
      void this.stop(0);
      return;
    }
    if (performance.now() - this.#stoppingSince < SAME_SIGNAL_MS) return;
    for (const kept of this.#kept) kept.hasten();
  }

  /** Gateway, server, releases, database: in this order, so that nobody is answered by half a product. */
  async stop(code: number): Promise<never> {
    const first = this.#stoppingSince === null;
    this.#stoppingSince ??= performance.now();
    if (!first) return new Promise<never>(() => undefined);
    if (this.#ownsFolder && this.#kept.length > 0) {
      this.#progress.say("\nStopping …");
      this.#steps.end();
      for (const kept of this.#kept) await kept.stop();
      const { root, env } = this.#s;
      const endings = new Steps();
      for (const step of ["--stop-releases", "--stop-database"])
        await endings.run([programs(root).server, step], { cwd: root, env, timeoutMs: STOP_STEP_MS });
      this.#progress.say(`Stopped. Everything is kept in ${this.#s.dir}; \`npm start\` goes on from there.`);
    }
    if (this.#ownsFolder) leaveFolder(this.#s.dir);
    process.exit(code);
  }
}

async function answers(address: string): Promise<boolean> {
  try {
    const answer = await fetch(address, { signal: AbortSignal.timeout(2_000), redirect: "manual" });
    await answer.arrayBuffer();
    return answer.status < 500;
  } catch {
    return false;
  }
}

/** What a program said before it gave up: the plain lines at the end of its log, which is JSON otherwise. */
function lastWords(logFile: string): string | null {
  if (!existsSync(logFile)) return null;
  const lines = readFileSync(logFile, "utf8").trimEnd().split("\n");
  const from = lines.findLastIndex((line) => line.startsWith("{")) + 1;
  const words = lines
    .slice(from)
    .join("\n")
    .split(/^latchkey[ -](?:server|gateway): /m)
    .at(-1)
    ?.trim();
  return words ? words : null;
}

function welcome(s: Settings): string {
  const signIn = readFileSync(join(s.dir, "sign-in.url"), "utf8").trim();
  // Whatever of it came by flag, by environment or from config.json: another terminal knows none of them.
  const set = (name: string, value: string | number, usual: string | number) =>
    value === usual ? "" : `${name}=${value} `;
  const there = `${set("LATCHKEY_DIR", s.dir, join(s.root, ".latchkey"))}${set("LATCHKEY_PORT", s.port, 7400)}`;
  const traffic = set("LATCHKEY_GATEWAY_PORT", s.gatewayPort, 7480);
  const tries: readonly (readonly [string, string])[] = s.bare
    ? []
    : [
        [`${there}npx latchkey services`, "what is served, and how it does"],
        [`${traffic}npm run traffic`, "visitors for the application; a canary needs some"],
        [`${there}npx latchkey ship leads --fault none --wait`, "a healthy release: canary, judged, promoted"],
        [`${there}npx latchkey ship leads --fault errors=5% --wait`, "a bad one: rolled back by itself"],
      ];
  const wide = Math.max(0, ...tries.map(([command]) => command.length));
  const lines = tries.map(([command, words]) => `  ${command.padEnd(wide)}  ${words}`);
  return [
    "\nLatchkey is up.\n",
    `  Console       ${signIn}`,
    "                (signs you in once, within 15 minutes)",
    `  Application   ${s.applicationUrl}/\n`,
    ...(lines.length > 0 ? ["Try next, in another terminal:", ...lines, ""] : []),
    "Ctrl-C stops everything.",
  ].join("\n");
}

/** Starts everything; the process is the supervisor from here on, until a signal. */
export function supervise(progress: Progress): { restart(name: string): Promise<void> } {
  const complain = (error: unknown) =>
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  let settings: Settings;
  try {
    const argv = process.argv.slice(2);
    if (argv.includes("--help")) {
      process.stdout.write(`npm start -- [flags]\n\n${serverFlagsHelp()}\n`);
      process.exit(0);
    }
    settings = readSettings(process.env, argv);
  } catch (error) {
    complain(error);
    process.exit(1);
  }
  const supervisor = new Supervisor(settings, progress);
  supervisor.up().catch((error: unknown) => {
    if (!(error instanceof Stopped)) complain(error);
    void supervisor.stop(1);
  });
  return { restart: (name) => supervisor.restart(name) };
}
