// `npm start`: everything up to a running product. Installs, builds what is stale, then keeps it running.
import { spawn } from "node:child_process";
import { watch } from "node:fs";
import { join } from "node:path";
import { ensureInstalled, ROOT } from "./install.mjs";

ensureInstalled();
const { buildAll } = await import("./build.mjs");
await buildAll();

// `npm start -- --port 7500`: every flag but --dev is the server's (see `npm start -- --help`).
const flags = process.argv.slice(2).filter((flag) => flag !== "--dev");
const run = () =>
  spawn(process.execPath, [join(ROOT, "apps", "supervisor", "dist", "main.mjs"), ...flags], {
    cwd: ROOT,
    stdio: "inherit",
  });
let supervisor = run();
const onExit = (code) => process.exit(code ?? 1);
supervisor.once("exit", onExit);
// The terminal sends Ctrl-C to both; this one waits for the supervisor's own end.
process.on("SIGINT", () => {});
for (const signal of ["SIGTERM", "SIGHUP"]) process.on(signal, () => supervisor.kill(signal));

if (process.argv.includes("--dev")) {
  let timer;
  const rebuild = async () => {
    try {
      await buildAll();
    } catch (error) {
      console.error(`The build failed; the running one stays. ${error instanceof Error ? error.message : error}`);
      return;
    }
    supervisor.removeListener("exit", onExit);
    supervisor.once("exit", () => {
      supervisor = run();
      supervisor.once("exit", onExit);
    });
    supervisor.kill("SIGTERM");
  };
  for (const part of ["packages", "apps"]) {
    watch(join(ROOT, part), { recursive: true }, (_, file) => {
      if (!file || /(^|[\\/])(dist|node_modules)([\\/]|$)/.test(file)) return;
      clearTimeout(timer);
      timer = setTimeout(rebuild, 300);
    });
  }
}
