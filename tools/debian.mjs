// What the tests take from Debian's packages: says what it installs, and says loudly what it can't.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";

/** Each with the file that shows that it is there, and what is skipped without it. */
const PACKAGES = {
  chromium: { file: "/usr/bin/chromium", without: "the console is not tried in a real browser (e2e)" },
  "postgresql-15": {
    file: "/usr/lib/postgresql/15/bin/postgres",
    without: "the server's suites run on the embedded PostgreSQL 17 only",
  },
  libfaketime: {
    file: "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1",
    without: "no rollout is tried while the clock is set back",
  },
  prometheus: { file: "/usr/bin/prometheus", without: "metrics are not read from a real Prometheus" },
  haproxy: {
    file: "/usr/sbin/haproxy",
    without: "no service is routed by a real HAProxy, and the gateway is not measured beside it",
  },
};

const run = (command, args) =>
  spawnSync(command, args, { encoding: "utf8", env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" } });

/** Installs what is missing of the named packages. Answers those that are there afterwards. */
export function ensureDebian(names) {
  const missing = names.filter((name) => !existsSync(PACKAGES[name].file));
  if (missing.length > 0) install(missing);
  const there = names.filter((name) => existsSync(PACKAGES[name].file));
  for (const name of names)
    if (!there.includes(name)) console.warn(`\n!!! SKIPPED: ${name} is not here, so ${PACKAGES[name].without}.\n`);
  return there;
}

function install(names) {
  const able = process.platform === "linux" && process.getuid?.() === 0 && existsSync("/usr/bin/apt-get");
  if (!able) {
    console.warn(`For every test, as root on Debian: apt-get install --no-install-recommends ${names.join(" ")}`);
    return;
  }
  console.log(`Installing from Debian's packages, for the tests: ${names.join(", ")} ...`);
  const get = (...args) => run("apt-get", ["-y", "-q", "--no-install-recommends", ...args]);
  let result = get("install", ...names);
  if (result.status !== 0) {
    get("update");
    result = get("install", ...names);
  }
  if (result.status !== 0) console.warn(`${result.stdout}${result.stderr}`.trim().split("\n").slice(-5).join("\n"));
}
