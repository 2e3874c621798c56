import type { ReactNode } from "react";
import type { Service } from "../../api/types.ts";
import { duration, spaced } from "../../ui/format.ts";
import { Facts, Section } from "../../ui/Section.tsx";
import { StepLadder } from "../../ui/StepLadder.tsx";
import { CopyButton, Mono } from "../../ui/Text.tsx";
import { STRATEGY_WORDS } from "../../words.ts";
import { analysisRules, healthWords, strategyWords } from "./config-words.ts";

const MANAGERS: Record<Service["manager"], ReactNode> = {
  file: (
    <>
      managed by <Mono>latchkey.config.ts</Mono>; change it there and run <Mono>npx latchkey apply</Mono>
    </>
  ),
  console: "managed in this console",
  terraform: "managed by Terraform; change it there",
};

function Rules({ rows }: { rows: readonly (readonly [string, ReactNode, ReactNode])[] }) {
  return (
    <dl className="m-0 divide-y divide-line">
      {rows.map(([name, figure, words]) => (
        <div key={name} className="grid grid-cols-[1fr_auto] gap-x-4 px-4 py-2 md:grid-cols-[14rem_8rem_1fr]">
          <dt className="font-medium">{name}</dt>
          <dd className="m-0 text-right font-medium md:text-left">{figure}</dd>
          <dd className="col-span-2 m-0 text-soft md:col-span-1">{words}</dd>
        </div>
      ))}
    </dl>
  );
}

/** The configuration as people read it. It is changed where it is managed. */
export function ConfigurationTab({ service }: { service: Service }) {
  const { config: c } = service;
  return (
    <div className="flex flex-col gap-6">
      <Section title={`Strategy: ${STRATEGY_WORDS[c.strategy.kind].name}`} note={MANAGERS[service.manager]}>
        {c.strategy.kind === "canary" && (
          <div className="mb-4 max-w-3xl">
            <StepLadder
              steps={c.strategy.steps}
              holdbackPercent={c.strategy.holdbackPercent}
              holdbackMs={c.strategy.holdbackMs}
              at={null}
            />
          </div>
        )}
        <ul className="m-0 list-disc space-y-1 pl-4 text-soft">
          {strategyWords(c).map((line) => (
            <li key={line}>{line}</li>
          ))}
        </ul>
      </Section>
      <Section title="Gates" note="what a release must pass before it is rolled out" flush>
        {c.gates.length === 0 ? (
          <p className="m-0 px-4 py-3 text-muted">None. A release goes from build to rollout.</p>
        ) : (
          <Rules
            rows={c.gates.map((g) => [
              g.name,
              g.timeoutMs === undefined ? "" : `${duration(g.timeoutMs)} at most`,
              <span key={g.name}>
                {g.required ? "Required. " : "Only reported. "}
                {g.kind && g.kind !== "command" ? `Of kind ${spaced(g.kind)}. ` : ""}
                {g.command && <Mono className="break-all">{g.command.join(" ")}</Mono>}
              </span>,
            ])}
          />
        )}
      </Section>
      <Section title="Analysis" note="what counts as harm and as proof" flush>
        <Rules rows={analysisRules(c).map((r) => [r.name, r.figure, r.words])} />
      </Section>
      <BuildAndRun service={service} />
    </div>
  );
}

function BuildAndRun({ service }: { service: Service }) {
  const { config: c } = service;
  const smoke = c.smoke.map((s) => `GET ${s.path} answers ${s.status}${s.contains ? ` and has “${s.contains}”` : ""}`);
  return (
    <Section title="Build and run">
      <Facts
        items={[
          ["Source", <Mono key="s">{c.source}</Mono>],
          [
            "Build",
            <Mono key="b" className="break-all">
              {c.build.join(" ")}
            </Mono>,
          ],
          [
            "Run",
            <Mono key="r" className="break-all">
              {c.run.join(" ")}
            </Mono>,
          ],
          ["Health", `${c.health.path}, ready within ${duration(c.health.readyTimeoutMs)}${healthWords(c.health)}`],
          ["Smoke journeys", smoke.length > 0 ? smoke.join("; ") : "none"],
          ["Warm-up", c.warmUp.length > 0 ? c.warmUp.join(", ") : "the smoke journeys"],
          ["API calls under", c.routing.apiPrefixes.join(", ") || "nothing"],
          ["Browser errors", c.routing.injectBeacon ? "counted by a beacon in the page" : "not counted"],
          [
            "Digest",
            <span key="d" className="inline-flex items-center gap-1">
              <Mono>{service.configDigest.slice(0, 12)}</Mono>
              <CopyButton text={service.configDigest} label="Copy the digest" />
            </span>,
          ],
        ]}
      />
    </Section>
  );
}
