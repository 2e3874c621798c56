// Commands that `npm start` runs on its way, in process groups of their own: a signal ends the whole group, and we wait for it.
import { spawn } from "node:child_process";

const OUTPUT_KEPT = 100_000;
const GRACE_MS = 3_000;
const running = new Set();

/** Runs a command and resolves with its exit code and output, also when it could not be started. */
export function runToEnd(file, args, options) {
  return new Promise((resolve) => {
    let output = "";
    const child = spawn(file, args, { ...options, stdio: ["ignore", "pipe", "pipe"], detached: true });
    running.add(child);
    const take = (part) => {
      output = (output + part).slice(-OUTPUT_KEPT);
    };
    child.stdout.on("data", take);
    child.stderr.on("data", take);
    child.once("error", (error) => {
      running.delete(child);
      resolve({ code: 127, output: `${output}spawn ${file}: ${error.message}` });
    });
    child.once("close", (code) => {
      running.delete(child);
      resolve({ code: code ?? 1, output });
    });
  });
}

const signalGroup = (child, signal) => {
  try {
    process.kill(-child.pid, signal);
  } catch {
    // It ended in between.
  }
};

/** Ends what runs, politely at first. */
export async function endRunning() {
  const all = [...running];
  const gone = Promise.all(all.map((child) => new Promise((done) => child.once("close", done))));
  for (const child of all) signalGroup(child, "SIGTERM");
  const timer = setTimeout(() => {
    for (const child of all) signalGroup(child, "SIGKILL");
  }, GRACE_MS);
  await gone;
  clearTimeout(timer);
}
