import { type DestinationStream, type Logger, pino } from "pino";

const LEVELS = ["trace", "debug", "info", "warn", "error", "fatal", "silent"];

/** JSON lines: level (by LOG_LEVEL), timestamp, service, release, environment; a request's lines add its correlation id. */
export function createLog(env: Readonly<Record<string, string | undefined>>, to?: DestinationStream): Logger {
  const wanted = env.LOG_LEVEL ?? "info";
  const level = LEVELS.includes(wanted) ? wanted : "info";
  const options = {
    level,
    timestamp: () => `,"timestamp":"${new Date().toISOString()}"`,
    formatters: { level: (label: string) => ({ level: label }) },
    base: { service: "leads", release: releaseOf(env), environment: environmentOf(env) },
  };
  const log = to ? pino(options, to) : pino(options);
  // A typo in a variable must not keep the application from starting, nor go unsaid.
  if (level !== wanted) log.warn({ wanted, known: LEVELS }, "LOG_LEVEL is not a level; info is used");
  return log;
}

/** Which release this is, by Latchkey, else by Netlify's commit. */
export const releaseOf = (env: Readonly<Record<string, string | undefined>>): string =>
  env.LATCHKEY_RELEASE ?? env.COMMIT_REF ?? "development";
/** Latchkey's name, else Netlify's deploy context: production, deploy-preview, branch-deploy. */
export const environmentOf = (env: Readonly<Record<string, string | undefined>>): string =>
  env.LATCHKEY_ENVIRONMENT ?? env.CONTEXT ?? "development";

/** The id that a request came with, when it is one; else a new one. */
export function correlationIdOf(given: string | string[] | null | undefined): string {
  return typeof given === "string" && /^[\w.:-]{1,100}$/.test(given) ? given : crypto.randomUUID();
}
