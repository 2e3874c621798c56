// @fastify/reply-from as its documentation sets it up: undici with 128 connections, no pipelining, no log.
import replyFrom from "@fastify/reply-from";
import fastify from "fastify";

const app = fastify({ logger: false, keepAliveTimeout: 65_000 });
await app.register(replyFrom, {
  base: process.env.UPSTREAM,
  undici: { connections: 128, pipelining: 1, keepAliveTimeout: 60_000 },
});
app.all("/*", (request, reply) => {
  reply.from(request.raw.url);
});
await app.listen({ port: Number(process.env.PORT), host: "127.0.0.1" });
