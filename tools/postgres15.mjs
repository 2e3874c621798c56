// Debian's PostgreSQL 15 in a temporary folder, for the length of a function.
import { spawn, spawnSync } from "node:child_process";
import { chmodSync, chownSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

const BIN = "/usr/lib/postgresql/15/bin";
/** `nobody`: PostgreSQL refuses to run as root. */
const UNPRIVILEGED_ID = 65_534;

async function freePort() {
  const probe = createServer();
  await new Promise((done) => probe.listen(0, "127.0.0.1", done));
  const { port } = probe.address();
  await new Promise((done) => probe.close(done));
  return port;
}

/** `env`: what PostgreSQL's own environment has besides, such as another clock. */
export async function withDebianPostgres(use, { env = {} } = {}) {
  const asRoot = process.getuid?.() === 0;
  const identity = asRoot ? { uid: UNPRIVILEGED_ID, gid: UNPRIVILEGED_ID } : {};
  const dir = mkdtempSync(join(tmpdir(), "latchkey-pg15-"));
  chmodSync(dir, 0o711);
  if (asRoot) chownSync(dir, UNPRIVILEGED_ID, UNPRIVILEGED_ID);
  const data = join(dir, "data");
  const init = spawnSync(
    join(BIN, "initdb"),
    ["-D", data, "-U", "latchkey", "-A", "trust", "--encoding=UTF8", "--no-locale"],
    {
      cwd: "/",
      encoding: "utf8",
      ...identity,
    },
  );
  if (init.status !== 0) throw new Error(`PostgreSQL 15 could not be set up: ${init.stderr}`);
  const port = await freePort();
  const settings = [
    `port=${port}`,
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
    "max_connections=200",
    "fsync=off",
  ];
  const server = spawn(join(BIN, "postgres"), ["-D", data, ...settings.flatMap((s) => ["-c", s])], {
    cwd: "/",
    stdio: "ignore",
    env: { ...process.env, ...env },
    ...identity,
  });
  const gone = new Promise((done) => server.once("exit", done));
  try {
    await untilAnswers(port);
    return await use(`postgresql://latchkey@127.0.0.1:${port}/postgres`);
  } finally {
    server.kill("SIGINT");
    await gone;
    rmSync(dir, { recursive: true, force: true });
  }
}

async function untilAnswers(port) {
  const deadline = performance.now() + 30_000;
  const ready = () => spawnSync(join(BIN, "pg_isready"), ["-q", "-h", "127.0.0.1", "-p", String(port)]).status === 0;
  while (!ready()) {
    if (performance.now() > deadline) throw new Error("PostgreSQL 15 does not answer.");
    await new Promise((done) => setTimeout(done, 100));
  }
}
