// `npm run bench [-- topic]`: what Latchkey promises, measured.
import { join } from "node:path";
import { ensureInstalled, ROOT } from "./install.mjs";

ensureInstalled();
const args = process.argv.slice(2);
if (args.length > 0) {
  const { buildAll } = await import("./build.mjs");
  await buildAll();
}
const { importSource } = await import("./bundle.mjs");
const { main } = await importSource(join(ROOT, "bench", "main.ts"));
try {
  process.exit(await main(args, ROOT));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
}
