// `node tools/traffic.mjs [sessions per second] [seconds] [seed]`: visitors for the application behind the gateway.
import { join } from "node:path";
import { ensureInstalled, ROOT } from "./install.mjs";

ensureInstalled();
const { importSource } = await import("./bundle.mjs");
const { Traffic } = await importSource(join(ROOT, "bench", "traffic.ts"));
const [rate = "12", seconds = "60", seed = String(Date.now() % 2 ** 32)] = process.argv.slice(2);
const url = process.env.LATCHKEY_APPLICATION_URL ?? `http://127.0.0.1:${process.env.LATCHKEY_GATEWAY_PORT ?? 7480}`;
const traffic = new Traffic({ url, sessionsPerSecond: Number(rate), seed: Number(seed) });
console.log(`${rate} sessions per second to ${url} for ${seconds} s (seed ${seed}).`);
traffic.start();
const say = () => {
  const { routes, ...counts } = traffic.tally.counts;
  const { visitors, usersTouched } = traffic.tally;
  console.log(JSON.stringify({ ...counts, visitors, usersTouched, underWay: traffic.underWay }));
};
const timer = setInterval(say, 5_000);
let ending = false;
const end = async () => {
  if (ending) process.exit(1);
  ending = true;
  clearInterval(timer);
  await traffic.stop();
  say();
  console.log(JSON.stringify(traffic.tally.counts.routes));
  process.exit(0);
};
process.on("SIGINT", end);
process.on("SIGTERM", end);
setTimeout(end, Number(seconds) * 1000);
