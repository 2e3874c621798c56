import { randomBytes, scrypt } from "node:crypto";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import type { Backup } from "@latchkey/api/models";
import type { Command } from "commander";
import { addCommand, type Call, type Outcome } from "../command.ts";
import { download } from "../download.ts";
import { CliError, EXIT, wrongUse } from "../problem.ts";
import { openProgress } from "../progress.ts";
import type { Session } from "../session.ts";
import type { Terminal } from "../terminal.ts";
import { bytes, duration, moment, table } from "../text.ts";
import { addRestore } from "./restore.ts";
import { addUpgrade } from "./upgrade.ts";

const SAFETY = "Keep it safe:";
const ASK_EVERY_MS = 300;
/** As the server expects it (OWASP's first choice): 128 MB and half a second for a guess. */
const SCRYPT = { N: 131_072, r: 8, p: 1, maxmem: 256 * 131_072 * 8 };
const SALT_BYTES = 16;

export function addBackups(program: Command, terminal: Terminal, outcome: Outcome): void {
  addBackup(program, terminal, outcome);
  addList(program, terminal, outcome);
  addRestore(program, terminal, outcome, SAFETY);
  addUpgrade(program, terminal, outcome, SAFETY);
}

interface Options {
  readonly to?: string;
  readonly verify: boolean;
  readonly passphraseFile?: string;
}

function addBackup(program: Command, terminal: Terminal, outcome: Outcome): void {
  addCommand<Options>(program, terminal, outcome, {
    usage: "backup",
    about: "take a backup of the installation while it works, and restore it for proof",
    more: "The server keeps the newest in its folder; --to writes a copy here. In it: Latchkey's database and the artifacts in use. The keys only with --passphrase-file, closed with it. Not in it: the workloads' own databases.",
    group: SAFETY,
    options: (command) =>
      command
        .option("--to <file>", "write a copy to this file too")
        .option("--no-verify", "do not restore it into a scratch database for proof")
        .option("--passphrase-file <file>", "put the keys in, closed with the first line of this file"),
    examples: [
      ["latchkey backup", "kept by the server, proved"],
      ["latchkey backup --to /mnt/nas/latchkey.tar", "and a copy elsewhere"],
      ["latchkey backup --passphrase-file /etc/latchkey.phrase", "with the keys: enough for another machine"],
    ],
    run: takeBackup,
  });
}

async function takeBackup({ session: open, options, terminal }: Call<Options>): Promise<number> {
  const keys =
    options.passphraseFile === undefined ? null : await keysFrom(resolve(terminal.cwd, options.passphraseFile));
  const session = open();
  const begun = await session.client.createBackup({ body: { verify: options.verify, ...(keys ? { keys } : {}) } });
  const backup = await followBackup(session, begun);
  if (backup.state === "failed")
    throw new CliError({
      code: "LK_CLI_BACKUP",
      title: "The backup failed",
      detail: backup.problem ?? "The backup failed.",
      remedy: "Nothing of it is kept. Mend what it says, and take another.",
    });
  const copy = options.to === undefined ? null : resolve(terminal.cwd, options.to);
  if (copy !== null) await download(session, `/api/v1/backups/${backup.id}/file`, copy);
  session.print({ ...backup, copy }, () => wordsOf(backup, copy).join("\n"));
  return EXIT.done;
}

async function followBackup(session: Session, begun: Backup): Promise<Backup> {
  const progress = openProgress(session);
  try {
    for (let seen = begun; ; ) {
      seen = await session.client.getBackup({ params: { backupId: begun.id } });
      if (seen.progress === null) return seen;
      const { words, percent } = seen.progress;
      const turn = words.split(" ").slice(0, 2).join(" ");
      progress.standing(percent === null ? words : `${words} (${percent} %)`, turn);
      await session.terminal.pause(ASK_EVERY_MS);
    }
  } finally {
    progress.end();
  }
}

function wordsOf(backup: Backup, copy: string | null): string[] {
  return [
    `${backup.id}: ${bytes(backup.sizeBytes ?? 0)} in ${duration(backup.durationMs ?? 0)}, kept by the server as backups/${backup.file}.`,
    ...(copy === null ? [] : [`Copied to ${copy}.`]),
    ...(backup.contents?.words ?? []),
    backup.verification?.words ?? "",
  ].filter((line) => line !== "");
}

/** The key that closes the keys: made here, so that the passphrase stays on this machine. */
async function keysFrom(file: string): Promise<{ salt: string; key: string }> {
  const passphrase = readPassphrase(file);
  const salt = randomBytes(SALT_BYTES);
  const key = await new Promise<Buffer>((done, fail) =>
    scrypt(passphrase.normalize("NFKC"), salt, 32, SCRYPT, (error, made) => (error ? fail(error) : done(made))),
  );
  return { salt: salt.toString("base64"), key: key.toString("base64") };
}

function readPassphrase(file: string): string {
  let text: string;
  try {
    text = readFileSync(file, "utf8").replace(/\r?\n$/, "");
  } catch {
    throw wrongUse(`--passphrase-file ${file} can't be read.`, "Name a file that holds the passphrase.");
  }
  if (text.length < 12 || text.includes("\n"))
    throw wrongUse(
      `--passphrase-file ${file} must hold one line of at least 12 characters.`,
      "Make one: openssl rand -base64 24",
    );
  return text;
}

function addList(program: Command, terminal: Terminal, outcome: Outcome): void {
  addCommand<object>(program, terminal, outcome, {
    usage: "backups",
    about: "list the backups that the server keeps",
    group: SAFETY,
    examples: [["latchkey backups", "the newest first, and whether each was proved"]],
    run: async ({ session: open }) => {
      const session = open();
      const { items, keep } = await session.client.listBackups({});
      const rows = items.map((b) => [
        b.id,
        moment(b.createdAt),
        b.state === "failed" ? `failed: ${b.problem ?? ""}` : b.state,
        b.sizeBytes === null ? "" : bytes(b.sizeBytes),
        b.verification?.state ?? "",
        b.contents ? String(b.contents.ledger.size) : "",
      ]);
      session.print({ items, keep }, () =>
        items.length === 0
          ? "There is none yet. Take one: latchkey backup"
          : `${table(["id", "taken", "state", "size", "proof", "ledger"], rows, session.style)}\nThe newest ${keep} are kept.`,
      );
      return undefined;
    },
  });
}
