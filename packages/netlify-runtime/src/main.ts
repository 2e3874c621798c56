import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { createSite, type Log } from "./server.ts";
import type { Site } from "./site.ts";

/** Entry of a release that `latchkey build-netlify` made: server.mjs beside site.json, public/ and functions/. */
const dir = dirname(fileURLToPath(import.meta.url));
const site = JSON.parse(readFileSync(join(dir, "site.json"), "utf8")) as Site;
const release = process.env.LATCHKEY_RELEASE ?? "";
process.env.CONTEXT ??= site.context;
process.env.DEPLOY_ID ??= process.env.LATCHKEY_DEPLOYMENT ?? "";

const line = (level: string) => (fields: Record<string, unknown>) =>
  void process.stdout.write(`${JSON.stringify({ level, time: new Date().toISOString(), release, ...fields })}\n`);
const log: Log = { info: line("info"), error: line("error") };

// A promise that a function leaves behind must not end everybody's requests.
process.on("unhandledRejection", (reason) => log.error({ message: "unhandled rejection", error: String(reason) }));

const server = await createSite(dir, site, log);
// Longer than the gateway keeps an idle connection: it must never write into one that just closed.
server.keepAliveTimeout = 65_000;
const port = Number(process.env.PORT ?? 8888);
server.listen(port, process.env.HOST ?? "127.0.0.1", () => log.info({ message: "ready", port }));

const stop = () => {
  server.close(() => process.exit(0));
  server.closeIdleConnections();
  setTimeout(() => process.exit(0), 5_000).unref();
};
process.on("SIGTERM", stop);
process.on("SIGINT", stop);
