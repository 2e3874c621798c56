import { once } from "node:events";
import { type AddressInfo, createServer, connect as dial, type Socket } from "node:net";
import type pg from "pg";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type TestDatabase, testDatabase } from "../../testing/database.ts";
import { connect } from "./connection.ts";
import { copyOut, digestOf, shapesOf } from "./tables.ts";

let database: TestDatabase;
beforeEach(async () => {
  database = await testDatabase();
  await database.owner.pool.query("create table odd (id integer primary key, words text)");
  await database.owner.pool.query("insert into odd values (1, E'two\\nlines'), (2, E'a \\\\ and a tab\\t'), (3, '')");
});
afterEach(() => database.drop());

const oddOf = async (client: pg.Client) => {
  const shape = (await shapesOf(client)).find(({ name }) => name === "odd");
  if (!shape) throw new Error("The table is missing.");
  return shape;
};

/** PostgreSQL's CopyDone: what comes behind it is the server's own count of the rows. */
const COPY_DONE = Buffer.from([0x63, 0, 0, 0, 4]);

/** A relay that keeps back what follows the end of the rows, as a network does at times, until `release`. */
async function slowRelay(url: string) {
  const target = new URL(url);
  const there = { host: target.hostname, port: Number(target.port) };
  const sockets: Socket[] = [];
  let release = () => {};
  const relay = createServer((client) => {
    const upstream = dial(there);
    sockets.push(client, upstream);
    client.pipe(upstream);
    upstream.on("data", (bytes: Buffer) => {
      const at = bytes.indexOf(COPY_DONE);
      if (at === -1) return void client.write(bytes);
      const cut = at + COPY_DONE.length;
      client.write(bytes.subarray(0, cut));
      release = () => client.write(bytes.subarray(cut));
    });
  }).listen(0, "127.0.0.1");
  await once(relay, "listening");
  target.port = String((relay.address() as AddressInfo).port);
  return {
    url: target.toString(),
    release: () => release(),
    close: () => {
      for (const socket of sockets) socket.destroy();
      relay.close();
    },
  };
}

test("counts the rows that came, although the server's own count comes later", async () => {
  const relay = await slowRelay(database.ownerUrl);
  const connection = await connect(relay.url);
  const shape = await oddOf(connection.client);
  expect(await digestOf(connection.client, shape)).toMatchObject({ rows: 3 });
  relay.release();
  const out = copyOut(connection.client, shape);
  let text = "";
  for await (const chunk of out) text += chunk.toString();
  expect(out.rowCount).toBe(3);
  expect(text).toBe("1\ttwo\\nlines\n2\ta \\\\ and a tab\\t\n3\t\n");
  relay.release();
  await connection.close();
  relay.close();
});
