// A provider that keeps what it is told in a folder (CLOUD_DIR): what tests of the target `command` drive.
import { spawn } from "node:child_process";
import { appendFileSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";

const dir = process.env.CLOUD_DIR;
mkdirSync(dir, { recursive: true });
const asked = JSON.parse(readFileSync(0, "utf8"));
const file = (name) => join(dir, name);
const answer = (fields) => process.stdout.write(JSON.stringify({ version: 1, ...fields }));
const read = (name) => (existsSync(file(name)) ? JSON.parse(readFileSync(file(name), "utf8")) : null);
const write = (name, value) => writeFileSync(file(name), JSON.stringify(value));
const isAlive = (pid) => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};
appendFileSync(file("calls.log"), `${asked.call} ${asked.release?.id ?? ""}\n`);

async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

const calls = {
  async prepare() {
    const name = `${asked.environment}-${asked.release.id}.json`;
    process.stderr.write("looking for it\n");
    const known = read(name);
    if (known && isAlive(known.pid)) return answer({ upstreams: [known.upstream] });
    const port = await freePort();
    const log = openSync(file("releases.log"), "a");
    const child = spawn(process.execPath, asked.run.slice(1), {
      cwd: asked.release.folder,
      env: { PATH: process.env.PATH, PORT: String(port), HOST: "127.0.0.1", LATCHKEY_RELEASE: asked.release.name },
      detached: true,
      stdio: ["ignore", log, log],
    });
    child.unref();
    const made = { pid: child.pid, upstream: `http://127.0.0.1:${port}` };
    write(name, made);
    appendFileSync(file("started.log"), `${child.pid}\n`);
    // Held here, a test may kill the server.
    while (existsSync(file("hold"))) await new Promise((resolve) => setTimeout(resolve, 20));
    answer({ upstreams: [made.upstream] });
  },
  retire() {
    const name = `${asked.environment}-${asked.release.id}.json`;
    const known = read(name);
    if (known && isAlive(known.pid)) process.kill(known.pid, "SIGKILL");
    rmSync(file(name), { force: true });
    answer({});
  },
  route() {
    const { generation, arms } = asked;
    const before = read("table.json")?.generation;
    if (before && (before.epoch - generation.epoch || before.n - generation.n) > 0) {
      process.stderr.write(`generation ${before.epoch}.${before.n} is served\n`);
      process.exit(3);
    }
    write("table.json", { generation, arms });
    answer({ generation });
  },
  counts() {
    answer({ boot: "one", arms: read("counts.json") ?? [] });
  },
};
await calls[asked.call]();
