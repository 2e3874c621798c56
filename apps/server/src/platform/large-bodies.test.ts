import { createServer, request, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, it } from "vitest";
import { until } from "../testing/until.ts";
import { largeBodies } from "./large-bodies.ts";

/** Large bodies over real sockets, whose clients go while it is looked up who they are. */
let server: Server;
let goOn = () => {};
let waiting = 0;
let closed = 0;
const ends: string[] = [];
beforeAll(async () => {
  const isKnown = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  const { preParsing } = largeBodies(async () => {
    waiting += 1;
    await isKnown;
  });
  const take = preParsing as unknown as (of: object, reply: object, body: object) => Promise<unknown>;
  server = createServer((incoming, raw) => {
    raw.once("close", () => {
      closed += 1;
    });
    take(incoming, { raw }, incoming).then(
      () => ends.push("taken") && raw.end("taken"),
      (error: Error) => ends.push("refused") && raw.end(error.message),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
});
afterAll(() => server.close());

const send = () => {
  const { port } = server.address() as AddressInfo;
  const sent = request({ port, host: "127.0.0.1", method: "POST", headers: { "content-length": 2_000_000 } });
  sent.on("error", () => {});
  sent.flushHeaders();
  return sent;
};

it("keeps no place for clients that went before their body was taken", async () => {
  const gone = Array.from({ length: 10 }, send);
  await until("all wait to be known", () => waiting === gone.length);
  for (const one of gone) one.destroy();
  await until("the server knows that they went", () => closed === gone.length);
  goOn();
  await until("each has ended", () => ends.length === gone.length);
  ends.length = 0;
  const one = send();
  await until("another one ends", () => ends.length === 1);
  one.destroy();
  expect(ends).toEqual(["taken"]);
});
