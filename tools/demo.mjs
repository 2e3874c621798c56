// `npm run demo`: a healthy release and six faulty ones under traffic, and what becomes of each.
import { join } from "node:path";
import { ensureInstalled, ROOT } from "./install.mjs";

ensureInstalled();
const { buildAll } = await import("./build.mjs");
if (!process.argv.includes("--help")) await buildAll();
const { importSource } = await import("./bundle.mjs");
const { main } = await importSource(join(ROOT, "tools", "demo", "main.ts"));
process.exit(await main(process.argv.slice(2), ROOT));
