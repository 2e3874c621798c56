import { setTimeout as pause } from "node:timers/promises";
import type { Logger } from "pino";
import type { Control } from "./control.ts";
import { type TableHolder, writeTableFile } from "./table.ts";

const FIRST_BACKOFF_MS = 100;
const LAST_BACKOFF_MS = 2_000;
/** After an answer that moved nothing, so that a confused server is not asked in a tight loop. */
const NOTHING_NEW_MS = 1_000;

export interface PollState {
  /** Whether the last poll was answered. */
  serverReachable: boolean;
}

/**
 * Follows the routing table until the signal aborts. The generation in a poll says what has been applied, so
 * after a new table the next poll leaves at once: it is the acknowledgement that the server waits for.
 */
export async function followTable(
  control: Control,
  holder: TableHolder,
  file: string,
  state: PollState,
  log: Logger,
  signal: AbortSignal,
): Promise<void> {
  let backoffMs = FIRST_BACKOFF_MS;
  while (!signal.aborted) {
    let waitMs = 0;
    try {
      const table = await control.poll(holder.generation, signal);
      if (!state.serverReachable) log.info("control plane reached");
      state.serverReachable = true;
      backoffMs = FIRST_BACKOFF_MS;
      const outcome = table === null ? null : holder.apply(table);
      if (table !== null && outcome === "applied") {
        log.info({ generation: table.generation, services: table.services.length }, "routing table applied");
        await keep(file, table, log);
      } else if (outcome !== null) {
        if (outcome === "older")
          log.warn({ offered: table?.generation, held: holder.generation }, "older table refused");
        waitMs = NOTHING_NEW_MS;
      }
    } catch (error) {
      if (signal.aborted) return;
      if (state.serverReachable) log.warn({ reason: String(error) }, "control plane gone; serving by the last table");
      else log.debug({ reason: String(error) }, "control plane not reached");
      state.serverReachable = false;
      waitMs = backoffMs * (0.5 + Math.random() / 2);
      backoffMs = Math.min(LAST_BACKOFF_MS, backoffMs * 2);
    }
    if (waitMs > 0) await pause(waitMs, undefined, { signal }).catch(() => undefined);
  }
}

async function keep(file: string, table: Parameters<typeof writeTableFile>[1], log: Logger): Promise<void> {
  try {
    await writeTableFile(file, table);
  } catch (error) {
    log.error({ reason: String(error), file }, "the routing table could not be kept on disk");
  }
}
