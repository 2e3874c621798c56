import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { assault, sendRaw } from "../../apps/gateway/src/assault.testkit.ts";
import { startGateway } from "../../apps/gateway/src/gateway.ts";
import { RawUpstream } from "../../apps/gateway/src/raw-upstream.testkit.ts";
import { arm, ControlPeer, tableOf } from "../../apps/gateway/src/testkit.ts";
import { type Bench, type Figure, figure } from "../figure.ts";

const MESSAGES = 20_000;
const QUICK_MESSAGES = 1_000;
const BATCH = 1_000;
/** Most of them wait for the gateway to let them go. */
const LANES = 256;
const SHOWN_MAX = 20;

/** A gateway in this process against malformed HTTP, with a release that keeps every byte it is sent. */
export async function fuzzGateway(bench: Bench): Promise<Figure[]> {
  const dir = mkdtempSync(join(tmpdir(), "latchkey-fuzz-"));
  writeFileSync(join(dir, "token"), "secret\n");
  const [control, upstream] = [new ControlPeer(), await RawUpstream.start()];
  const config = {
    serverUrls: [await control.start()],
    tokenFile: join(dir, "token"),
    host: "127.0.0.1",
    port: 0,
    dir,
    gatewayId: "gateway-1",
    bodyLimitBytes: 1_000_000,
    trustProxy: false,
    logLevel: "silent",
    // Short, so that what is never whole is let go soon.
    ...{ headersTimeoutMs: 300, requestTimeoutMs: 600, idleTimeoutMs: 300 },
  };
  const gateway = await startGateway(config, pino({ level: "silent" }));
  try {
    await control.publish(tableOf(1, [arm("baseline", [upstream.origin], 100)]));
    const total = { messages: 0, passed: 0, refused: 0, wrong: 0 };
    const from = performance.now();
    const wanted = bench.quick ? QUICK_MESSAGES : MESSAGES;
    bench.say(`Sending malformed HTTP to a gateway, seed ${bench.seed} ...`);
    while (total.messages < wanted && !bench.signal.aborted) {
      upstream.forget();
      const seed = bench.seed + total.messages;
      const done = await assault({
        port: gateway.port,
        server: gateway.server,
        upstream,
        messages: BATCH,
        seed,
        lanes: LANES,
      });
      total.messages += done.messages;
      total.passed += done.passed;
      total.refused += done.refused;
      for (const words of done.wrong.slice(0, Math.max(0, SHOWN_MAX - total.wrong))) bench.say(`WRONG: ${words}`);
      total.wrong += done.wrong.length;
    }
    const seconds = (performance.now() - from) / 1_000;
    const alive = await sendRaw(gateway.port, "GET /api/alive HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    return [
      figure("gateway: malformed messages", total.messages, ""),
      figure("gateway: messages a second", total.messages / seconds, "1/s"),
      figure("gateway: requests that reached the release", total.passed, ""),
      figure("gateway: connections that ended with a refusal", total.refused, ""),
      figure("gateway: requests smuggled, malformed or answered with 5xx", total.wrong, "", { below: 1 }),
      figure("gateway: serves afterwards", alive.startsWith("HTTP/1.1 200 ") ? 1 : 0, "", { atLeast: 1 }),
    ];
  } finally {
    await gateway.stop();
    await control.peer?.kill();
    await upstream.stop();
    rmSync(dir, { recursive: true, force: true });
  }
}
