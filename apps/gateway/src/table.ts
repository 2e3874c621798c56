import { readFileSync } from "node:fs";
import { mkdir, open, rename } from "node:fs/promises";
import { dirname } from "node:path";
import { RoutingTable } from "@latchkey/api/gateway";
import { compareGenerations, type Generation } from "@latchkey/core/delivery/generation";
import { afterSilence, limitOf, type Silence } from "./dead-man.ts";

export type Applied = "applied" | "same" | "older";

/**
 * The table that the gateway serves by. Never moves back: an older generation is refused, so that a stale
 * or restored controller cannot send visitors to a release that was taken back.
 */
export class TableHolder {
  #table: RoutingTable | null = null;
  /** What requests go by: the table, but for canaries that nobody watches. */
  #served: RoutingTable | null = null;
  readonly #listeners: ((table: RoutingTable) => void)[] = [];

  get current(): RoutingTable | null {
    return this.#served;
  }

  /** True when this changes where visitors go. `silence`: of the servers. */
  watch(silence: Silence, nowMs: number): boolean {
    if (this.#table === null) return false;
    const served = afterSilence(this.#table, silence.lasts(nowMs, limitOf(this.#table)));
    const isAfter = served !== this.#table;
    const wasAfter = this.#served !== this.#table;
    // Made anew only where it is not that already: what is found in a table is kept with it.
    if (isAfter && wasAfter && !isMore(served, this.#served)) return false;
    this.#served = served;
    return isAfter || wasAfter;
  }

  /** The generation to acknowledge; (0, 0) before there is any. */
  get generation(): Generation {
    return this.#table?.generation ?? { epoch: 0, n: 0 };
  }

  onChange(listener: (table: RoutingTable) => void): void {
    this.#listeners.push(listener);
  }

  /** Takes a table if it is newer. Requests that come after this call go by it. */
  apply(table: RoutingTable): Applied {
    if (this.#table !== null) {
      const order = compareGenerations(table.generation, this.#table.generation);
      if (order < 0) return "older";
      if (order === 0) return "same";
    }
    this.#table = table;
    this.#served = table;
    for (const listener of this.#listeners) listener(table);
    return "applied";
  }
}

/** Whether another table sends fewer visitors to canaries. */
function isMore(now: RoutingTable, before: RoutingTable | null): boolean {
  const canaries = (table: RoutingTable | null) =>
    (table?.services ?? []).filter(({ arms }) => arms.some((a) => a.arm === "canary" && a.weightPercent > 0)).length;
  return canaries(now) !== canaries(before);
}

/** The last table kept on disk, or null when there is none that can be used. */
export function readTableFile(file: string): RoutingTable | null {
  try {
    const parsed = RoutingTable.safeParse(JSON.parse(readFileSync(file, "utf8")));
    return parsed.success ? parsed.data : null;
  } catch {
    return null;
  }
}

/** Writes the table so that a crash leaves the old file or the new one, never half of one. */
export async function writeTableFile(file: string, table: RoutingTable): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  const draft = `${file}.${process.pid}.draft`;
  const handle = await open(draft, "w", 0o600);
  try {
    await handle.writeFile(JSON.stringify(table));
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(draft, file);
}
