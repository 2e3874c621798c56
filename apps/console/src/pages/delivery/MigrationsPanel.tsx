import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { queries } from "../../api/queries.ts";
import type { Schema } from "../../api/types.ts";
import { to } from "../../paths.ts";
import { Badge, type Tone } from "../../ui/Badge.tsx";
import { Button } from "../../ui/Button.tsx";
import { Section } from "../../ui/Section.tsx";
import { ErrorPanel, Skeleton } from "../../ui/States.tsx";
import { A, Ago, Mono } from "../../ui/Text.tsx";

/** What fits on a screen; the rest ran long ago, and is shown when it is asked for. */
const SHOWN = 5;

/** The schemas of a service's databases. Nothing where Latchkey leaves its databases alone. */
export function MigrationsPanel({ service }: { service: string }) {
  const q = useQuery(queries.migrations(service));
  if (q.isPending)
    return (
      <Section title="Migrations">
        <Skeleton rows={2} />
      </Section>
    );
  if (!q.data) return <ErrorPanel error={q.error} retry={() => void q.refetch()} />;
  return q.data.items.map((schema) => <Database key={schema.environment} service={service} schema={schema} />);
}

function Database({ service, schema }: { service: string; schema: Schema }) {
  const [all, setAll] = useState(false);
  const { environment, folder, baseline, next } = schema;
  const taken = new Set(baseline?.files ?? []);
  // What needs somebody comes first; then the newest.
  const ran = schema.migrations.filter(({ file }) => !taken.has(file)).reverse();
  const open = ran.filter(({ state }) => state !== "applied");
  const rows = [...open, ...ran.filter(({ state }) => state === "applied")];
  const shown = all ? rows : rows.slice(0, Math.max(SHOWN, open.length));
  return (
    <Section
      title={`Migrations in ${environment}`}
      note={
        <>
          from <Mono>{folder}</Mono>
        </>
      }
      flush
    >
      {next && <NextContract service={service} next={next} />}
      {rows.length === 0 ? (
        <p className="m-0 px-4 py-3 text-muted">Nothing ran here yet. A deployment runs what its release brings.</p>
      ) : (
        <ul aria-label={`Migrations that ran in ${environment}`} className="m-0 list-none divide-y divide-line p-0">
          {shown.map((m) => (
            <Row key={m.file} migration={m} />
          ))}
        </ul>
      )}
      {rows.length > shown.length && (
        <div className="border-t border-line px-4 py-2">
          <Button size="small" onClick={() => setAll(true)}>
            Show all {rows.length}
          </Button>
        </div>
      )}
      {baseline && <Baseline service={service} baseline={baseline} />}
    </Section>
  );
}

const STATES: Readonly<Record<Schema["migrations"][number]["state"], readonly [Tone, string]>> = {
  applied: ["good", "Applied"],
  failed: ["bad", "Failed"],
  running: ["live", "Running"],
};

function Row({ migration: m }: { migration: Schema["migrations"][number] }) {
  const [tone, words] = STATES[m.state];
  return (
    <li className="flex flex-wrap items-center gap-x-4 gap-y-1 px-4 py-2.5">
      <div className="min-w-0 flex-1 basis-64">
        <span className="flex flex-wrap items-center gap-2">
          <Badge tone={tone}>{words}</Badge>
          <Mono className="break-all">{m.file}</Mono>
        </span>
        {m.words !== "" && <span className="mt-0.5 block text-xs break-words text-soft">{m.words}</span>}
      </div>
      <span className="flex flex-wrap items-center gap-x-3 text-xs text-muted">
        <span>{m.phase === "contract" ? "takes away" : "adds"}</span>
        {m.releaseId && <A href={to.release(m.releaseId)}>Its release</A>}
        <Ago at={m.finishedAt ?? m.startedAt} />
      </span>
    </li>
  );
}

function NextContract({ service, next }: { service: string; next: NonNullable<Schema["next"]> }) {
  return (
    <div className="flex flex-col gap-1 border-b border-line px-4 py-2.5">
      <span className="flex flex-wrap items-center gap-2">
        <Badge tone={next.failed ? "bad" : "warn"}>{next.failed ? "Failed" : next.waits ? "Waits" : "Runs now"}</Badge>
        <Mono className="break-all">{next.file}</Mono>
      </span>
      <span className="text-xs break-words text-soft">
        {next.waits ?? "Nobody can go back to a release that needs what it takes away."}
        {next.failed && (
          <>
            {" "}
            Once it is mended, <Mono className="break-all">{`npx latchkey contract ${service} ${next.file}`}</Mono>{" "}
            tries it again.
          </>
        )}
      </span>
    </div>
  );
}

function Baseline({ service, baseline }: { service: string; baseline: NonNullable<Schema["baseline"]> }) {
  const { files, differences } = baseline;
  if (baseline.state !== "taken")
    return (
      <p className="m-0 border-t border-line px-4 py-2.5 text-xs text-soft">
        <Badge tone="bad">Unfinished</Badge> A baseline was begun and not finished, and nothing migrates until it is.
        Run <Mono>{`npx latchkey migrations baseline ${service}`}</Mono> again.
      </p>
    );
  return (
    <details className="border-t border-line px-4 py-2.5 text-xs text-soft">
      <summary className="cursor-pointer">
        {files.length} {files.length === 1 ? "file was" : "files were"} there before Latchkey (the baseline), taken by{" "}
        {baseline.by} <Ago at={baseline.takenAt} />
      </summary>
      <ul className="mt-2 mb-0 list-none p-0">
        {files.map((file) => (
          <li key={file}>
            <Mono className="break-all">{file}</Mono>
          </li>
        ))}
      </ul>
      {differences.length > 0 && (
        <>
          <p className="mt-2 mb-1">What differed was accepted: {baseline.reason}</p>
          <ul className="m-0 list-disc pl-4">
            {differences.map((d) => (
              <li key={`${d.file}:${d.line} ${d.object}`} className="break-words">
                <Mono>{`${d.file}:${d.line}`}</Mono> {d.object}: {d.words}
              </li>
            ))}
          </ul>
        </>
      )}
    </details>
  );
}
