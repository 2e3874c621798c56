// `npm run sim`: the real controllers in simulated worlds.
import { join } from "node:path";
import { ensureInstalled, ROOT } from "./install.mjs";

ensureInstalled();
const { importSource } = await import("./bundle.mjs");
const { main } = await importSource(join(ROOT, "sim", "main.ts"));
process.exitCode = await main(process.argv.slice(2));
