import type { Command } from "commander";
import { addCommand, type Call, countOption, type Outcome } from "../command.ts";
import { type Check, checkConsistency, checkProof } from "../ledger-proof.ts";
import { EXIT, wrongUse } from "../problem.ts";
import type { Session } from "../session.ts";
import type { Terminal } from "../terminal.ts";

export const KEY_OPTION = [
  "--key <base64>",
  "the ledger's public key as you noted it before: another key is refused",
] as const;

export function entryNumber(text: string | undefined): string {
  return String(countOption(text ?? "", "the entry's number", 0, Number.MAX_SAFE_INTEGER));
}

interface Options {
  readonly key?: string;
  readonly from?: string;
  readonly to?: string;
  readonly root?: string;
}

export function addProof(group: Command, terminal: Terminal, outcome: Outcome): void {
  addCommand<Options>(group, terminal, outcome, {
    usage: "proof [number]",
    about: "prove that an entry is in the signed ledger, or that a ledger begins with a smaller one",
    more: "The server is not taken at its word: hashes, paths and the signature are all computed on this machine. What is personal in the entry is shown as it reads, and proved as it is stored: encrypted. Exit code 1 says that something is wrong.",
    options: (command) =>
      command
        .option("--from <size>", "the smaller ledger, by its number of entries")
        .option("--to <size>", "the larger one (all that are signed)")
        .option("--root <hex>", "the smaller one's root as you kept it: another is refused")
        .option(...KEY_OPTION),
    examples: [
      ["latchkey ledger proof 17", "check entry 17 and say so"],
      ["latchkey ledger proof 17 --json > entry-17.json", "keep the proof: it holds without this server"],
      ["latchkey ledger proof --from 100 --to 250", "nothing before entry 100 was changed since"],
    ],
    run: (call) => (call.options.from === undefined ? proveEntry(call) : proveBeginning(call, call.options.from)),
  });
}

async function proveEntry({ session: open, args, options }: Call<Options>): Promise<number> {
  if (args[0] === undefined)
    throw wrongUse("There is nothing to prove.", "Give an entry's number, or two sizes with --from and --to.");
  if (options.to !== undefined || options.root !== undefined)
    throw wrongUse("--to and --root are about two sizes.", "Give --from, too, and no entry.");
  const session = open();
  const sequence = entryNumber(args[0]);
  const proof = await session.client.getLedgerProof({ params: { ...session.main, sequence } });
  const checks = checkProof(proof, options.key ?? null);
  return tell(session, proof, checks, {
    good: `Entry ${proof.entry.sequence} (${proof.entry.type}) is in the ledger of ${proof.checkpoint.size} entries that was signed.`,
    bad: "This is no proof: the entry, the path or the signature was changed.",
  });
}

async function proveBeginning({ session: open, args, options }: Call<Options>, smaller: string): Promise<number> {
  if (args[0] !== undefined)
    throw wrongUse("An entry and --from are two questions.", "Ask for the one or for the other.");
  const size = (text: string, flag: string) => countOption(text, flag, 1, Number.MAX_SAFE_INTEGER);
  const from = size(smaller, "--from");
  const to = options.to === undefined ? undefined : size(options.to, "--to");
  const session = open();
  const query = { from, ...(to === undefined ? {} : { to }) };
  const found = await session.client.getLedgerConsistency({ params: session.main, query });
  const asked = found.from.size === from && (to === undefined || found.to.size === to);
  const checks = [
    ...(asked ? [] : [{ ok: false, words: "the server proved other sizes than those that were asked for" }]),
    ...checkConsistency(found, options.root ?? null, options.key ?? null),
  ];
  return tell(session, found, checks, {
    good: `The ledger of ${found.to.size} entries begins with that of ${found.from.size}, whose root is ${found.from.rootHash}.`,
    bad: "This is no proof: history was rewritten, or the proof was changed.",
  });
}

function tell(
  session: Session,
  found: object,
  checks: readonly Check[],
  words: { readonly good: string; readonly bad: string },
): number {
  const ok = checks.every((check) => check.ok);
  session.print({ ...found, checks, ok }, () =>
    [
      ...checks.map((c) => `${c.ok ? session.style.good("holds") : session.style.bad("FAILS")}  ${c.words}`),
      ok ? words.good : words.bad,
    ].join("\n"),
  );
  return ok ? EXIT.done : EXIT.error;
}
