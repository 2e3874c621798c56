import { type Logger, pino } from "pino";

/** JSON lines on standard output. `LOG_LEVEL` sets the level (default info). Secrets never get this far. */
export function createLog(name: string): Logger {
  return pino({ name, level: process.env.LOG_LEVEL ?? "info", timestamp: pino.stdTimeFunctions.isoTime });
}
export type { Logger };
