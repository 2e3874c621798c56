import { open, rename, rm } from "node:fs/promises";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ReadableStream } from "node:stream/web";
import { ApiError } from "@latchkey/api/client";
import type { Problem } from "@latchkey/api/models";
import { CliError, EXIT } from "./problem.ts";
import type { Session } from "./session.ts";

/** Writes what an address of the server holds into a file, and answers its size. A file of that name is a whole one. */
export async function download(session: Session, path: string, file: string): Promise<number> {
  const body = await ask(session, path);
  const part = `${file}.part`;
  let bytes = 0;
  try {
    const handle = await open(part, "w", 0o600);
    const source = Readable.fromWeb(body as ReadableStream);
    source.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
    });
    await pipeline(source, handle.createWriteStream({ flush: true }));
    await rename(part, file);
    return bytes;
  } catch (cause) {
    await rm(part, { force: true });
    const reason = cause instanceof Error ? cause.message : "no reason given";
    throw new CliError({
      code: "LK_CLI_EXPORT",
      title: "The file was not written",
      detail: `${file}: ${reason}.`,
      remedy: "Check the folder and the disk, and ask again.",
    });
  }
}

async function ask(session: Session, path: string): Promise<NonNullable<Response["body"]>> {
  const headers = session.token ? { authorization: `Bearer ${session.token}` } : {};
  const answer = await session.open(path, { headers }).catch(() => null);
  if (!answer)
    throw new CliError({
      code: "LK_UNREACHABLE",
      title: "The server can't be reached",
      detail: `No answer from ${session.baseUrl}.`,
      remedy: "Start it with `npm start`, or name its address with --url, LATCHKEY_URL or LATCHKEY_PORT.",
      exitCode: EXIT.unreachable,
    });
  if (!answer.ok || !answer.body) throw new ApiError((await answer.json()) as Problem);
  return answer.body;
}
