import fastify, { type FastifyInstance } from "fastify";
import { afterAll, beforeAll, expect, it } from "vitest";
import { systemClock } from "../platform/clock.ts";
import { ClientKeys } from "./client-keys.ts";
import { FlagStreams } from "./flag-streams.ts";

/** Streams over real sockets, with few places. */
let app: FastifyInstance;
let url = "";
const keys = new ClientKeys({} as never);
const streams = new FlagStreams({
  ...{
    sets: { onChange: () => () => {} },
    keys,
    clock: systemClock,
    goodOf: async () => new Set<string>(),
    most: { all: 4, browsers: 2 },
  },
});
beforeAll(async () => {
  app = fastify();
  app.get<{ Params: { kind: "server" | "browser" } }>("/:kind", async (request, reply) => {
    const key = { id: "flk_1", project: "main", environment: "production", hash: Buffer.alloc(32) };
    if (!streams.open({ ...key, kind: request.params.kind }, request.raw, reply)) return reply.code(503).send();
    return reply;
  });
  url = await app.listen({ host: "127.0.0.1", port: 0 });
});
afterAll(async () => {
  streams.stop();
  await app.close();
});

it("leave places to servers, however many pages there are", async () => {
  const statuses = async (kind: string, n: number) => {
    const found: number[] = [];
    for (let i = 0; i < n; i++) found.push((await fetch(`${url}/${kind}`)).status);
    return found;
  };
  expect(await statuses("browser", 3)).toEqual([200, 200, 503]);
  expect(await statuses("server", 3)).toEqual([200, 200, 503]);
  expect(streams.clients).toBe(4);
});
