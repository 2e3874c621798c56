import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { compareGenerations, type Generation, parseGenerationKey } from "@latchkey/core/delivery/generation";
import type { RouteFailure, RoutePlan, Router, RouteServed } from "@latchkey/core/delivery/ports";
import { err, ok, type Result } from "@latchkey/core/shared/result";
import { z } from "zod";
import { baseEnvironment, runCommand } from "../local/command.ts";
import {
  addressOf,
  BACKEND,
  configurationOf,
  filesOf,
  type HaproxyPlace,
  SLOTS,
  type Slot,
  tableLine,
} from "./configuration.ts";
import { askHaproxy, type LiveServer, readServers } from "./socket.ts";

const PROGRAM = "haproxy";
const CHECK_MS = 10_000;

/** What was last asked of HAProxy: written before anything else, so that no older wish is taken after it. */
const State = z.object({
  generation: z.object({ epoch: z.int(), n: z.int() }),
  addresses: z.array(z.string().nullable()).length(SLOTS),
});
type State = z.infer<typeof State>;

/** Told of the slots before the first request goes by them. */
type OnPlanned = (plan: RoutePlan, slots: readonly Slot[]) => void;

/**
 * Routes by a HAProxy of this machine, which others start: this writes its configuration, its table of shares, and
 * speaks to its socket. HAProxy that starts again begins with the files, and so with the newest shares.
 */
export class HaproxyRouter implements Router {
  readonly #place: HaproxyPlace;
  readonly #onPlanned: OnPlanned;
  readonly #program: string;
  /** What `haproxy -c` has passed. */
  #checked = "";

  constructor(place: HaproxyPlace, onPlanned: OnPlanned = () => {}, program = PROGRAM) {
    this.#place = place;
    this.#onPlanned = onPlanned;
    this.#program = program;
  }

  async route(plan: RoutePlan): Promise<Result<RouteServed, RouteFailure>> {
    const files = filesOf(this.#place.folder);
    mkdirSync(this.#place.folder, { recursive: true, mode: 0o750 });
    const before = readState(files.state);
    if (before && compareGenerations(plan.generation, before.generation) < 0)
      return err(older(plan, before.generation));
    const live = await this.#look();
    // A process before this one may have been overtaken while it wrote: what HAProxy goes by counts too.
    if (live.ok && live.value.generation && compareGenerations(plan.generation, live.value.generation) < 0)
      return err(older(plan, live.value.generation));
    const slots = slotsOf(plan, before?.addresses ?? []);
    const { text, structure } = configurationOf(this.#place, plan, slots);
    const wrong = await this.#check(text);
    if (wrong?.isMistake) return err({ kind: "failed", words: wrong.words });
    const line = tableLine(plan, (address) => slots.find((slot) => slot.address === address)?.name ?? "");
    const state: State = { generation: plan.generation, addresses: slots.map((slot) => slot.address) };
    replace(files.state, `${JSON.stringify(state)}\n`);
    replace(files.configuration, text);
    replace(files.table, line === null ? "" : `table ${line}\n`);
    this.#onPlanned(plan, slots);
    if (!live.ok) return err({ kind: "failed", words: `${live.error} Start it: ${this.#startCommand}` });
    const failed = await this.#change(slots, line, live.value);
    if (failed) return err({ kind: "failed", words: failed });
    const notes = [
      ...(wrong ? [wrong.words] : []),
      ...(live.value.structure === structure
        ? []
        : [`HAProxy runs an older configuration. Reload it, so that it takes ${files.configuration} in.`]),
    ];
    return ok({ notes });
  }

  get #startCommand(): string {
    return `haproxy -W -f ${filesOf(this.#place.folder).configuration}`;
  }

  async #look(): Promise<Result<Live, string>> {
    const files = filesOf(this.#place.folder);
    const answer = await askHaproxy(files.socket, [
      "show info",
      `show map ${files.table}`,
      `show servers state ${BACKEND}`,
    ]);
    if (!answer.ok) return answer;
    const line = /^0x[0-9a-f]+ table (\S+)$/m.exec(answer.value)?.[1] ?? null;
    const key = line?.split("|")[0];
    return ok({
      structure: /^description: latchkey-(\S+)$/m.exec(answer.value)?.[1] ?? null,
      line,
      generation: key === undefined ? null : parseGenerationKey(key),
      servers: readServers(answer.value),
    });
  }

  /** Makes a running HAProxy what the files say: releases come first, then the shares in one go, then others leave. */
  async #change(slots: readonly Slot[], line: string | null, live: Live): Promise<string | null> {
    const { table, socket } = filesOf(this.#place.folder);
    const serverOf = (slot: Slot) => live.servers.find((server) => server.name === slot.name);
    if (!slots.every(serverOf)) return `HAProxy has no backend named ${BACKEND}. Start it: ${this.#startCommand}`;
    const comes = slots.filter((slot) => slot.serves).flatMap((slot) => bring(slot, serverOf(slot)));
    const leaves = slots.filter((slot) => !slot.serves && !serverOf(slot)?.inMaintenance);
    const said: string[] = [];
    const say = async (commands: readonly string[]): Promise<string | null> => {
      if (commands.length === 0) return null;
      const answer = await askHaproxy(socket, commands);
      if (!answer.ok) return answer.error;
      said.push(answer.value.trim());
      return null;
    };
    const failed =
      (await say(comes)) ??
      (line === live.line ? null : await this.#commit(table, socket, line)) ??
      // A server that only drains keeps the visitors whose cookie names it; nothing goes to one in maintenance.
      (await say(leaves.map(({ name }) => `set server ${BACKEND}/${name} state maint`)));
    if (failed) return failed;
    const now = await this.#look();
    if (!now.ok) return now.error;
    const served = slots.every((slot) => {
      const server = now.value.servers.find(({ name }) => name === slot.name);
      return server && (slot.serves ? !server.inMaintenance && server.address === slot.address : server.inMaintenance);
    });
    return served && now.value.line === line
      ? null
      : `HAProxy did not take the change: ${said.join(" ").slice(0, 300)}`;
  }

  /** One version of the table takes another's place at once (management guide, "prepare map", "commit map"). */
  async #commit(table: string, socket: string, line: string | null): Promise<string | null> {
    const prepared = await askHaproxy(socket, [`prepare map ${table}`]);
    if (!prepared.ok) return prepared.error;
    const version = /New version created: (\d+)/.exec(prepared.value)?.[1];
    if (version === undefined) return `HAProxy has no table ${table}. Reload it: it runs another configuration.`;
    const add = line === null ? [] : [`add map @${version} ${table} table ${line}`];
    const done = await askHaproxy(socket, [...add, `commit map @${version} ${table}`]);
    return done.ok ? null : done.error;
  }

  /** What `haproxy -c` says against a configuration; no mistake where it could not be asked, which is said too. */
  async #check(text: string): Promise<{ readonly isMistake: boolean; readonly words: string } | null> {
    if (text === this.#checked) return null;
    const { configuration, table } = filesOf(this.#place.folder);
    // The table is read by the check as well.
    if (!existsSync(table)) replace(table, "");
    const trial = `${configuration}.next`;
    replace(trial, text);
    const { outcome, output } = await runCommand([this.#program, "-c", "-f", trial], {
      cwd: this.#place.folder,
      env: baseEnvironment(),
      timeoutMs: CHECK_MS,
    });
    if (outcome === "passed") {
      this.#checked = text;
      return null;
    }
    const words =
      outcome === "failed"
        ? `HAProxy refuses the configuration: ${output.slice(-500).trim()}`
        : `The configuration could not be checked: ${output.slice(-200).trim()}`;
    return { isMistake: outcome === "failed", words };
  }
}

interface Live {
  readonly structure: string | null;
  readonly line: string | null;
  readonly generation: Generation | null;
  readonly servers: readonly LiveServer[];
}

const older = (plan: RoutePlan, than: Generation): RouteFailure => ({
  kind: "older",
  words: `HAProxy serves generation ${than.epoch}.${than.n}, which is newer than ${plan.generation.epoch}.${plan.generation.n}.`,
});

/** A release keeps its slot while it serves; a new one takes one that does not serve, the longest unused first. */
export function slotsOf(plan: RoutePlan, addresses: readonly (string | null)[]): readonly Slot[] {
  const arms = plan.arms.filter((arm) => arm.weightPercent > 0);
  const wanted = arms.map(addressOf);
  const taken: (string | null)[] = Array.from({ length: SLOTS }, (_, i) => addresses[i] ?? null);
  for (const address of wanted) {
    if (taken.includes(address)) continue;
    const free = [taken.indexOf(null), taken.findIndex((held) => held !== null && !wanted.includes(held))];
    const place = free.find((i) => i >= 0);
    if (place !== undefined) taken[place] = address;
  }
  const spare = arms.find((arm) => arm.arm !== "canary") ?? arms[0];
  return taken.map((address, i) => ({
    name: `r${i + 1}`,
    address,
    serves: address !== null && wanted.includes(address),
    isSpare: address !== null && spare !== undefined && address === addressOf(spare),
  }));
}

function bring(slot: Slot, server: LiveServer | undefined): readonly string[] {
  const name = `${BACKEND}/${slot.name}`;
  const [host, port] = slot.address?.split(":") ?? [];
  const weight = slot.isSpare ? 100 : 0;
  return [
    ...(server?.address === slot.address ? [] : [`set server ${name} addr ${host} port ${port}`]),
    ...(server?.weight === weight ? [] : [`set server ${name} weight ${weight}`]),
    ...(server?.inMaintenance ? [`set server ${name} state ready`] : []),
  ];
}

function readState(file: string): State | null {
  try {
    return State.parse(JSON.parse(readFileSync(file, "utf8")));
  } catch {
    return null;
  }
}

/** A file is there whole, or as it was. */
function replace(file: string, text: string): void {
  if (existsSync(file) && readFileSync(file, "utf8") === text) return;
  writeFileSync(`${file}.new`, text, { mode: 0o640 });
  renameSync(`${file}.new`, file);
}
