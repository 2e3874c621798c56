import { startServer } from "./compose.ts";
import { endRecordedReleases } from "./delivery/full-stop.ts";
import { readConfig } from "./platform/config.ts";
import { createLog } from "./platform/log.ts";
import { stopPostgres } from "./platform/postgres/embedded.ts";
import { restoreFromCommandLine } from "./restore-command.ts";

/** Entry of the server process: serve until a signal, one of the two last steps of a full stop, or a restore. */
async function main(): Promise<void> {
  const config = readConfig(process.env);
  if (process.argv.includes("--stop-database")) return config.databaseUrl ? undefined : stopPostgres(config.dir);
  if (process.argv.includes("--stop-releases")) return endRecordedReleases(config.dir);
  if (process.argv[2] === "restore") {
    process.exitCode = await restoreFromCommandLine(config, process.argv.slice(3));
    return;
  }
  const log = createLog("server");
  // From the first moment: a stop during the start waits for it, so that no PostgreSQL is left that nobody knows of.
  const starting = startServer(config, log, (error) => {
    complain(error);
    void stop(1);
  });
  let stopping = false;
  const stop = async (code = 0) => {
    if (stopping) return;
    stopping = true;
    const server = await starting.catch(() => null);
    await server?.stop();
    log.info("server stopped");
    process.exit(code);
  };
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.on(signal, () => void stop());
  await starting;
}

function complain(error: unknown): void {
  const words = error instanceof Error ? error.message : String(error);
  process.stderr.write(`latchkey server: ${words}\n`);
  if (process.env.LATCHKEY_DEBUG && error instanceof Error) process.stderr.write(`${error.stack}\n`);
}

main().catch((error: unknown) => {
  complain(error);
  process.exit(1);
});
