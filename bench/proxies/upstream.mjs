// A release that answers a small JSON at once: what every proxy of the bench stands before.
import { createServer } from "node:http";

const server = createServer((_, response) => {
  response.writeHead(200, { "content-type": "application/json", "content-length": 12 });
  response.end('{"items":[]}');
});
// A proxy's kept connection must not close under it while it waits for its turn.
server.keepAliveTimeout = 120_000;
server.listen(Number(process.env.PORT), "127.0.0.1");
