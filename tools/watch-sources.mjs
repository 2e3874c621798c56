// `npm run dev`: builds what changed and restarts only that. A build that fails leaves what runs alone.
import { watch } from "node:fs";
import { join } from "node:path";
import { staleApps } from "./build.mjs";
import { ROOT } from "./install.mjs";

const SETTLE_MS = 200;
const RESTARTED = new Set(["server", "gateway"]);

export function watchSources({ build, restart, say }) {
  let timer = null;
  let busy = false;
  let again = false;
  const rebuild = async () => {
    if (busy) {
      again = true;
      return;
    }
    busy = true;
    for (const app of staleApps()) {
      const from = performance.now();
      try {
        await build(app);
      } catch (error) {
        say(`${error.message}\nWhat runs stays as it is.`);
        continue;
      }
      say(`Built the ${app} in ${Math.round(performance.now() - from)} ms.`);
      if (RESTARTED.has(app)) await restart(app);
      else if (app === "supervisor") say("The supervisor's change takes effect with the next start.");
    }
    busy = false;
    if (again) {
      again = false;
      await rebuild();
    }
  };
  for (const part of ["packages", "apps"]) {
    watch(join(ROOT, part), { recursive: true }, (_, file) => {
      if (!file || /(^|[\\/])(dist|node_modules)([\\/]|$)/.test(file)) return;
      clearTimeout(timer);
      timer = setTimeout(rebuild, SETTLE_MS);
    });
  }
  say("Watching packages/ and apps/: what changes is built and restarted.");
}
