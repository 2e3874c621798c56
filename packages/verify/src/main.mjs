#!/usr/bin/env node
// @ts-check
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { verifyExport } from "./verify.mjs";

const USAGE = `latchkey-verify <file> [--key <base64>] [--checkpoint <file>] [--json]

Checks an export of a Latchkey ledger, written by: latchkey ledger export <file>

  --key <base64>        the ledger's public key, as you know it from somebody you trust
  --checkpoint <file>   a checkpoint that you kept: the ledger must still begin with it
  --json                the verdict in JSON

Exit codes: 0 everything holds, 1 something does not, 2 wrong use.`;

/** @returns {Promise<number>} */
async function main() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      key: { type: "string" },
      checkpoint: { type: "string" },
      json: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  const [file] = positionals;
  if (values.help || file === undefined || positionals.length > 1) {
    console[values.help ? "log" : "error"](USAGE);
    return values.help ? 0 : 2;
  }
  const held = values.checkpoint === undefined ? undefined : readFileSync(values.checkpoint, "utf8");
  const verdict = await verifyExport(file, {
    ...(values.key === undefined ? {} : { key: values.key }),
    ...(held === undefined ? {} : { held }),
  });
  if (values.json) console.log(JSON.stringify(verdict));
  else console.log(`${verdict.ok ? "Good." : "NOT GOOD."} ${verdict.words}`);
  return verdict.ok ? 0 : 1;
}

main().then(
  (code) => {
    process.exitCode = code;
  },
  (error) => {
    console.error(`${error instanceof Error ? error.message : error}\n\n${USAGE}`);
    process.exitCode = 2;
  },
);
