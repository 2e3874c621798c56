// `node tools/traffic.mjs [sessions per second] [seconds]`: visitors for the application behind the gateway.

import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";
import { ROOT } from "./install.mjs";

const out = join(ROOT, "node_modules", ".cache", "traffic.mjs");
await build({
  entryPoints: [join(ROOT, "bench", "traffic.ts")],
  outfile: out,
  bundle: true,
  platform: "node",
  format: "esm",
  target: "node20",
  logLevel: "warning",
});
const { Traffic } = await import(pathToFileURL(out).href);
const [rate = "8", seconds = "60"] = process.argv.slice(2);
const url = process.env.LATCHKEY_APPLICATION_URL ?? `http://127.0.0.1:${process.env.LATCHKEY_GATEWAY_PORT ?? 7480}`;
const traffic = new Traffic({ url, sessionsPerSecond: Number(rate), random: Math.random });
traffic.start();
const timer = setInterval(() => console.log(JSON.stringify(traffic.counts)), 5_000);
setTimeout(() => {
  traffic.stop();
  clearInterval(timer);
  setTimeout(() => process.exit(0), 1_000);
}, Number(seconds) * 1000);
