import { existsSync, statSync } from "node:fs";
import { relative, resolve } from "node:path";
import { type GateConfig, gateKind } from "@latchkey/api/gates";
import type { ServiceConfig } from "@latchkey/api/models";
import type { MigrationFile } from "@latchkey/core/delivery/migrations/ports";
import { CliError, wrongUse } from "./problem.ts";
import type { Terminal } from "./terminal.ts";

export interface FolderOfMigrations {
  readonly folder: string;
  /** As people write it, from where they are. */
  readonly shown: string;
  readonly files: readonly MigrationFile[];
}
interface Wanted {
  /** Named by hand; else the configuration's gate of kind migrations says it. */
  readonly folder: string | undefined;
  readonly service?: string;
  readonly environment?: string;
}

/** The migrations in a folder, in the order of their names. Throws where there is none, or it can't be read. */
export async function readMigrations(terminal: Terminal, wanted: Wanted): Promise<FolderOfMigrations> {
  const folder =
    wanted.folder === undefined ? await configured(terminal, wanted) : resolve(terminal.cwd, wanted.folder);
  const shown = relative(terminal.cwd, folder) || ".";
  if (!existsSync(folder) || !statSync(folder).isDirectory())
    throw wrongUse(`${shown} is not a folder.`, "Give the folder that holds the migrations.");
  const { migrationFiles } = await import("@latchkey/config/migration-files");
  const read = await migrationFiles.read(folder);
  if (!read.ok)
    throw new CliError({
      code: "LK_CLI_MIGRATIONS",
      title: "The migrations can't be read",
      detail: `${shown}: ${read.error}`,
      remedy: "Give another folder.",
    });
  return { folder, shown, files: read.value };
}

const gatesOf = (service: ServiceConfig): readonly GateConfig[] => service.gates ?? [];

async function configured(terminal: Terminal, { service, environment }: Wanted): Promise<string> {
  const { findConfig, loadConfig } = await import("@latchkey/config/load");
  const file = findConfig(terminal.cwd);
  const loaded = file === null ? null : await loadConfig(file);
  const folders = new Set(
    (loaded?.services ?? [])
      .filter((known) => service === undefined || known.name === service)
      .flatMap((known) =>
        gatesOf(known)
          .filter((gate) => gateKind(gate) === "migrations")
          .filter((gate) => environment === undefined || (gate.environments ?? [environment]).includes(environment))
          .map((gate) => resolve(loaded?.root ?? ".", known.source, gate.folder ?? "")),
      ),
  );
  const [only] = folders;
  if (only !== undefined && folders.size === 1) return only;
  const of = service === undefined ? "" : ` for ${service}`;
  throw wrongUse(
    folders.size === 0
      ? `No configuration here names a folder of migrations${of} (a gate of kind migrations).`
      : `The configuration names ${folders.size} folders of migrations${of}.`,
    service === undefined ? "Name one: latchkey migrations lint db/migrations" : "Name one: --folder db/migrations",
  );
}
