// The test workload: one page, a health check, and every bad habit that behaviour.json asks for.
import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:http";

const behaviour = JSON.parse(readFileSync(new URL("behaviour.json", import.meta.url), "utf8"));
if (behaviour.start === "exit") {
  console.error("cannot start: SHOP_KEY is not set");
  process.exit(1);
}
while (behaviour.start === "wait" && !existsSync(behaviour.goFile))
  await new Promise((resolve) => setTimeout(resolve, 10));
if (behaviour.ignoresTerm) process.on("SIGTERM", () => {});
else process.on("SIGTERM", () => process.exit(0));

createServer((request, response) => {
  if (request.url === "/healthz") {
    response.writeHead(behaviour.health).end(behaviour.healthBody);
    if (behaviour.start === "die-when-ready") response.on("close", () => process.exit(1));
  } else if (request.url === "/sicken") {
    behaviour.health = 503;
    response.end("ill");
  } else if (request.url === "/exit") {
    response.end("bye");
    response.on("close", () => process.exit(1));
  } else if (request.url === "/who") {
    response.end(JSON.stringify({ pid: process.pid, release: process.env.LATCHKEY_RELEASE, env: process.env }));
  } else response.writeHead(behaviour.page === null ? 500 : 200).end(behaviour.page ?? "sorry");
}).listen(Number(process.env.PORT), process.env.HOST);
