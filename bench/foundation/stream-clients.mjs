// @ts-check
// Many who watch the ledger, in a process of their own: node stream-clients.mjs <address> <how many> <how many listen closely>
// Prints "open" once all are there, then `<entry's id> <when it came>` of those who listen closely; ends with its standard input.
import { get } from "node:http";

const [address = "", clients = "200", close = "10"] = process.argv.slice(2);
const headers = { authorization: `Bearer ${process.env.LATCHKEY_TOKEN}`, accept: "text/event-stream" };
const now = () => performance.timeOrigin + performance.now();
const ID = /"id":"(evt_[0-9a-f]{32})"/g;
let opened = 0;

for (let i = 0; i < Number(clients); i++) {
  get(address, { agent: false, headers }, (response) => {
    if (response.statusCode !== 200) throw new Error(`The stream answered ${response.statusCode}.`);
    opened += 1;
    if (opened === Number(clients)) process.stdout.write("open\n");
    if (i >= Number(close)) {
      response.resume();
      return;
    }
    let rest = "";
    response.setEncoding("utf8");
    response.on("data", (/** @type {string} */ part) => {
      const at = now();
      const text = rest + part;
      const end = text.lastIndexOf("\n\n") + 2;
      rest = text.slice(end);
      let came = "";
      for (const [, id] of text.slice(0, end).matchAll(ID)) came += `${id} ${at}\n`;
      process.stdout.write(came);
    });
  });
}
process.stdin.resume().once("end", () => process.exit(0));
