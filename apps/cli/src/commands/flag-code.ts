import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { relative, resolve } from "node:path";
import type { Flag, Segment } from "@latchkey/core/flags/model";
import type { Command } from "commander";
import { addCommand, type Call, type Outcome } from "../command.ts";
import { CliError, EXIT, wrongUse } from "../problem.ts";
import type { Terminal } from "../terminal.ts";
import { readDefinitions } from "./flag-definitions.ts";

export interface FlagsFrom {
  readonly folder?: string;
}
interface CodegenOptions extends FlagsFrom {
  readonly out: string;
  readonly check?: boolean;
  readonly snapshot?: string;
  readonly environment: string;
}

/** `latchkey flags codegen`: flags as TypeScript, so that code that names one that is gone does not compile. */
export function addFlagCode(group: Command, terminal: Terminal, outcome: Outcome): void {
  addCommand<CodegenOptions>(group, terminal, outcome, {
    usage: "codegen",
    about: "write the flags as TypeScript: unknown and mistyped ones do not compile",
    more: "With --folder they are read from files and no server is asked. With --snapshot also what they decide is written, for a program that starts without a server. --check writes nothing and exits with 1 when the code is out of date.",
    options: (command) =>
      command
        .option("--out <file>", "the TypeScript that is written", "flags.gen.ts")
        .option("--folder <folder>", "read flags as files, such as flags/, instead of the server's")
        .option("--check", "only tell whether it is up to date")
        .option("--snapshot <file>", "also write what one environment's flags decide, as JSON")
        .option("--environment <name>", "whose snapshot", "production"),
    examples: [
      ["latchkey flags codegen --out src/flags.gen.ts", "after flags were made or archived"],
      ["latchkey flags codegen --out src/flags.gen.ts --check", "in CI"],
      ["latchkey flags codegen --folder flags --snapshot src/flags.snapshot.json", "from files, with a snapshot"],
    ],
    run: codegen,
  });
}

async function codegen(call: Call<CodegenOptions>): Promise<number> {
  const { options, terminal } = call;
  const { generateFlags } = await import("@latchkey/core/flags/codegen");
  const found = await readFlagsFrom(call);
  const out = resolve(terminal.cwd, options.out);
  const text = generateFlags(found.flags);
  if (options.check) {
    if (existsSync(out) && readFileSync(out, "utf8") === text) {
      terminal.out(`${options.out} is up to date.\n`);
      return EXIT.done;
    }
    throw new CliError({
      ...{ code: "LK_FLAGS_CODE_OLD", title: "The generated code is out of date" },
      detail: existsSync(out) ? `${options.out} is not what the flags are now.` : `There is no ${options.out}.`,
      remedy: `Run \`latchkey flags codegen --out ${options.out}${options.folder ? ` --folder ${options.folder}` : ""}\` and commit it.`,
    });
  }
  write(out, text);
  terminal.out(
    `Wrote ${relative(terminal.cwd, out)}: ${count(found.flags.filter((flag) => !flag.isArchived).length)}.\n`,
  );
  if (!options.snapshot) return EXIT.done;
  const { snapshotOf } = await import("@latchkey/core/flags/snapshot");
  const { withRollouts } = await import("@latchkey/core/flags/model");
  const { environment } = options;
  const flags = found.flags.map((flag) => withRollouts(flag, environment, found.rollouts));
  const snapshot = snapshotOf({ flags, segments: found.segments, environment });
  write(resolve(terminal.cwd, options.snapshot), `${JSON.stringify(snapshot, null, 2)}\n`);
  terminal.out(`Wrote ${options.snapshot}: what ${count(snapshot.flags.length)} decide in ${environment}.\n`);
  return EXIT.done;
}
const count = (n: number): string => (n === 1 ? "1 flag" : `${n} flags`);

function write(file: string, text: string): void {
  try {
    writeFileSync(file, text);
  } catch (error) {
    throw wrongUse(
      `${file} can't be written: ${(error as Error).message}.`,
      "Make its folder first, or name another file.",
    );
  }
}

export interface FoundFlags {
  readonly flags: readonly Flag[];
  readonly segments: readonly Segment[];
  readonly rollouts: Parameters<typeof import("@latchkey/core/flags/model").withRollouts>[2];
}
/** All flags, archived ones too: of a folder, or of the server. */
export async function readFlagsFrom(call: Call<FlagsFrom>): Promise<FoundFlags> {
  const { folder } = call.options;
  if (folder !== undefined) {
    const { readFlags } = await import("@latchkey/config/flags");
    const { segmentsNamed } = await import("@latchkey/core/flags/model");
    const flags = (await readFlags(resolve(call.terminal.cwd, folder))).map(({ key, definition }): Flag => {
      return { ...definition, key, isArchived: false, salt: definition.salt ?? key };
    });
    const naming = flags.find((flag) => segmentsNamed(flag).size > 0);
    if (naming)
      throw wrongUse(
        `${naming.key} names the segment ${[...segmentsNamed(naming)][0]}, and segments are on the server only.`,
        "Leave --folder out, so that the server is asked.",
      );
    return { flags, segments: [], rollouts: [] };
  }
  const session = call.session();
  const params = session.main;
  const views = [...(await readDefinitions(session, "false")), ...(await readDefinitions(session, "true"))];
  const segments = (await session.client.listFlagSegments({ params })).items;
  return {
    flags: views.map(({ key, isArchived, definition }) => ({ ...definition, key, isArchived })),
    segments: segments.map(({ key, description, when }) => ({ key, description, when })),
    rollouts: views.flatMap(({ key, rollouts }) =>
      rollouts.map(({ environment, rule, percent, state }) => ({ flag: key, environment, rule, percent, state })),
    ),
  };
}
