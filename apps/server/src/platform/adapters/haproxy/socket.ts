import { createConnection } from "node:net";
import { err, ok, type Result } from "@latchkey/core/shared/result";

const TIMEOUT_MS = 2_000;
/** `show servers state` of eight servers and `show info` are 8 kB. */
const ANSWER_BYTES_MAX = 200_000;

/** Sends commands to HAProxy's runtime socket in one line, and answers all that it says; or a sentence why not. */
export function askHaproxy(socket: string, commands: readonly string[]): Promise<Result<string, string>> {
  return new Promise((resolve) => {
    let answer = "";
    const connection = createConnection({ path: socket });
    const finish = (result: Result<string, string>) => {
      connection.destroy();
      resolve(result);
    };
    connection.setTimeout(TIMEOUT_MS, () => finish(err(`HAProxy did not answer within ${TIMEOUT_MS / 1_000} s.`)));
    connection.on("error", (error: NodeJS.ErrnoException) => finish(err(whyNot(error))));
    connection.on("connect", () => connection.write(`${commands.join(";")}\n`));
    connection.on("data", (bytes) => {
      answer += bytes.toString("utf8");
      if (answer.length > ANSWER_BYTES_MAX) finish(err("what answers at the socket is not HAProxy: it says too much."));
    });
    connection.on("end", () => finish(ok(answer)));
  });
}

function whyNot({ code, message }: NodeJS.ErrnoException): string {
  if (code === "ENOENT" || code === "ECONNREFUSED") return "HAProxy does not run, or with another configuration.";
  if (code === "EACCES") return "The server may not speak to HAProxy's socket: run both as one user or group.";
  return `HAProxy's socket can't be used (${code ?? message}).`;
}

/** One server of a backend, as HAProxy has it now. */
export interface LiveServer {
  readonly name: string;
  /** "127.0.0.1:41234". */
  readonly address: string;
  /** Set to maintenance, by us or by hand. */
  readonly inMaintenance: boolean;
  readonly weight: number;
  /** HAProxy's own health check takes it for down. */
  readonly isDown: boolean;
}

/** Reads `show servers state <backend>` (HAProxy management guide, "Server state file": columns of version 1). */
export function readServers(text: string): readonly LiveServer[] {
  const rows = text.split("\n").map((line) => line.trim().split(" "));
  return rows.flatMap((cells) => {
    if (cells.length < 19 || cells[0]?.startsWith("#")) return [];
    const [, , , name = "", host = "", operational, administrative, weight] = cells;
    const inMaintenance = (Number(administrative) & 1) === 1;
    const isDown = !inMaintenance && operational === "0";
    return [{ name, address: `${host}:${cells[18]}`, inMaintenance, isDown, weight: Number(weight) }];
  });
}
