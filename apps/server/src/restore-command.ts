import { readFileSync } from "node:fs";
import { userInfo } from "node:os";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { restore } from "./backups/index.ts";
import { MIGRATIONS, VERSION } from "./compose.ts";
import type { Config } from "./platform/config.ts";
import { createLog } from "./platform/log.ts";

/**
 * `main.mjs restore <file>`: what `latchkey restore` starts while the server is stopped. It answers in lines of JSON:
 * `{"say": …}` as it goes on, at the end `{"done": …}` or `{"problem": …}`. Answers the exit code.
 */
export async function restoreFromCommandLine(config: Config, argv: string[]): Promise<number> {
  const tell = (line: object) => process.stdout.write(`${JSON.stringify(line)}\n`);
  try {
    const { values, positionals } = parseArgs({
      args: argv,
      allowPositionals: true,
      options: {
        "passphrase-file": { type: "string" },
        "new-key": { type: "boolean", default: false },
        "drop-old": { type: "boolean", default: false },
      },
    });
    const [file] = positionals;
    if (file === undefined || positionals.length > 1) throw new Error("Name one backup: main.mjs restore <file>");
    const passphraseFile = values["passphrase-file"];
    const restored = await restore({
      config,
      log: createLog("restore"),
      migrations: MIGRATIONS,
      version: VERSION,
      file: resolve(file),
      passphrase: passphraseFile === undefined ? null : readFileSync(passphraseFile, "utf8").replace(/\r?\n$/, ""),
      newKey: values["new-key"],
      dropOld: values["drop-old"],
      operator: userInfo().username,
      say: (say) => tell({ say }),
    });
    tell({ done: restored });
    return 0;
  } catch (error) {
    tell({ problem: error instanceof Error ? error.message : String(error) });
    return 1;
  }
}
