import type { MigrationPlan } from "@latchkey/api/migrations";
import { migrationOf } from "@latchkey/config/migration-files";
import { type LintFinding, lintMigration } from "@latchkey/core/delivery/migrations/lint";
import { planOf, touchedTables } from "@latchkey/core/delivery/migrations/plan";
import type { MigrationFile, TableSize } from "@latchkey/core/delivery/migrations/ports";
import { contractedBeyond } from "@latchkey/core/delivery/migrations/schema";
import type { Clock } from "../platform/clock.ts";
import { type Http, route } from "../platform/http.ts";
import { servicesIn } from "./asked-for.ts";
import { type BaselineRoutesOptions, workloadDatabases } from "./baselines.routes.ts";
import { baselineOf } from "./baselines.store.ts";
import { answerOf, unfinishedWords } from "./baselines.ts";
import { whyContractWaits } from "./contracts.controller.ts";
import { schemaOf } from "./migrations.store.ts";

/** What a release's migrations would do, before there is one. It changes nothing. */
export function registerMigrationPlans(http: Http, o: BaselineRoutesOptions & { readonly clock: Clock }): void {
  const { db } = o.database;
  const databaseOf = workloadDatabases(o);

  route(http, "planMigrations", async ({ project, params, body }) => {
    const { place, url } = await databaseOf(project, params.service, body.environment);
    const service = await servicesIn(db)(project, params.service);
    const files = body.files.map(({ file, text }) => migrationOf(file, Buffer.from(text)));
    const read = new Map<string, Read>();
    for (const file of files) read.set(file.file, await readFile(o, file));
    const applied = answerOf(await o.migrator.applied(url));
    const ours = await schemaOf(db, place);
    // The database's own word comes first: a crash may have come before our note of it.
    const known = [
      ...applied.map((m) => ({ ...m, state: "applied" as const })),
      ...ours.filter(({ file }) => !applied.some((m) => m.file === file)),
    ];
    const baseline = await baselineOf(db, place);
    const contracted = contractedBeyond(files, known);
    const waits = new Map<string, string | null>();
    for (const file of files)
      if (file.phase === "contract")
        waits.set(file.file, await whyContractWaits(db, service, place, file, o.clock.now()));
    const plan = planOf({
      ...{ files, known, baseline: baseline?.files ?? [] },
      findingsOf: (file) => read.get(file)?.findings ?? [],
      waitsOf: ({ file }) => waits.get(file) ?? null,
    });
    const open = plan.filter(({ state }) => !["applied", "baseline"].includes(state));
    const sizes = await o.migrator.sizes(url, [...new Set(open.flatMap(({ file }) => read.get(file)?.tables ?? []))]);
    const measured = sizes.ok ? sizes.value : [];
    return {
      environment: body.environment,
      blocked:
        baseline !== null && baseline.state !== "taken"
          ? unfinishedWords(place)
          : contracted && `${contracted.file} has run, and is not among these files: a release without it is refused.`,
      files: plan.map(({ file, phase, state, words, findings }) => ({
        ...{ file, phase, state, words },
        findings: findings.map(({ line, rule, words: said }) => ({ line, rule, words: said })),
        tables: open.some((p) => p.file === file) ? sizesOf(read.get(file)?.tables ?? [], measured) : [],
      })),
    } satisfies MigrationPlan;
  });
}

interface Read {
  readonly findings: readonly LintFinding[];
  readonly tables: readonly string[];
}
async function readFile({ reader }: Pick<BaselineRoutesOptions, "reader">, file: MigrationFile): Promise<Read> {
  const parsed = await reader.parse(file);
  if (!parsed.ok) return { findings: [{ file: file.file, line: 1, rule: "not_sql", words: parsed.error }], tables: [] };
  return { findings: lintMigration(parsed.value), tables: touchedTables(parsed.value) };
}

const sizesOf = (tables: readonly string[], sizes: readonly TableSize[]): TableSize[] =>
  sizes.filter(({ table }) => tables.includes(table));
