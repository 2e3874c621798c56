import { readFileSync } from "node:fs";
import { mkdir, open, rename } from "node:fs/promises";
import { dirname } from "node:path";
import { RoutingTable } from "@latchkey/api/gateway";
import { compareGenerations, type Generation } from "@latchkey/core/delivery/generation";

export type Applied = "applied" | "same" | "older";

/**
 * The table that the gateway serves by. Never moves back: an older generation is refused, so that a stale
 * or restored controller cannot send visitors to a release that was taken back.
 */
export class TableHolder {
  #table: RoutingTable | null = null;
  readonly #listeners: ((table: RoutingTable) => void)[] = [];

  get current(): RoutingTable | null {
    return this.#table;
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
    for (const listener of this.#listeners) listener(table);
    return "applied";
  }
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
