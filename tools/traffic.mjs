// `node tools/traffic.mjs [sessions per second] [seconds] [seed]`: visitors for the application behind the gateway.
import { join } from "node:path";
import { parseArgs } from "node:util";
import { ensureInstalled, ROOT } from "./install.mjs";

const HELP = `Visitors for the application behind the gateway, until the time is over or Ctrl-C.

  npm run traffic                     12 sessions per second for 60 s
  npm run traffic -- 5 600            5 sessions per second for 10 minutes
  npm run traffic -- 5 600 7          the same visitors again: the last figure is their seed

They come to http://127.0.0.1:7480, or where LATCHKEY_GATEWAY_PORT or LATCHKEY_APPLICATION_URL says.
Every five seconds, and at the end, it prints what they met.`;

/** Three positive numbers, or the fault of one of them in words. */
function readArguments() {
  const { values, positionals } = parseArgs({
    options: { help: { type: "boolean", short: "h" } },
    allowPositionals: true,
  });
  if (values.help) return { help: true };
  const names = ["sessions per second", "seconds", "seed"];
  if (positionals.length > names.length)
    throw new Error(`there are ${positionals.length} figures; it takes at most three`);
  const given = names.map((name, i) => {
    const text = positionals[i];
    if (text !== undefined && !(Number(text) > 0 && Number.isFinite(Number(text))))
      throw new Error(`${name} must be a number above 0; it is "${text}"`);
    return text === undefined ? undefined : Number(text);
  });
  return { rate: given[0] ?? 12, seconds: given[1] ?? 60, seed: given[2] ?? Date.now() % 2 ** 32 };
}
let asked;
try {
  asked = readArguments();
} catch (error) {
  console.error(`${error.message}.\n\n${HELP}`);
  process.exit(2);
}
if (asked.help) {
  console.log(HELP);
  process.exit(0);
}
const { rate, seconds, seed } = asked;

ensureInstalled();
const { importSource } = await import("./bundle.mjs");
const { Traffic } = await importSource(join(ROOT, "bench", "traffic.ts"));
const url = process.env.LATCHKEY_APPLICATION_URL ?? `http://127.0.0.1:${process.env.LATCHKEY_GATEWAY_PORT ?? 7480}`;
const traffic = new Traffic({ url, sessionsPerSecond: rate, seed });
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
setTimeout(end, seconds * 1000);
