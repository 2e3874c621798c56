import { paceWords } from "@latchkey/core/analysis/planning/pace";
import { strategyWords } from "@latchkey/core/analysis/planning/words";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { queries } from "../../api/queries.ts";
import type { Planning, PlanQuestion, Service } from "../../api/types.ts";
import { Button } from "../../ui/Button.tsx";
import { Field, Input, Select } from "../../ui/Form.tsx";
import { count, milliseconds, percent } from "../../ui/format.ts";
import { Section } from "../../ui/Section.tsx";
import { ErrorPanel, Skeleton } from "../../ui/States.tsx";
import { PlanResult } from "./PlanResult.tsx";
import { emptyForm, filledWith, type PlanForm, questionOf } from "./plan-form.ts";

/** What a canary of this service can be expected to find and to prove: a question, and its answer by simulation. */
export function PlanningTab({ service }: { service: Service }) {
  const first = service.environments[0]?.name ?? "production";
  const [form, setForm] = useState(() => emptyForm(first));
  const [question, setQuestion] = useState<PlanQuestion>({ environment: first });
  const q = useQuery(queries.plan(service.name, question));
  const asked = questionOf(form);
  return (
    <>
      <Section title="Plan a canary" note="what is left empty is as configured">
        <Form
          service={service}
          form={form}
          mistakes={"mistakes" in asked ? asked.mistakes : {}}
          onChange={setForm}
          onAsk={() => {
            if ("question" in asked) setQuestion(asked.question);
          }}
        />
      </Section>
      <Answered
        planning={q.data}
        error={q.error}
        retry={() => void q.refetch()}
        onTake={(strategy) => {
          const filled = filledWith(form, strategy);
          setForm(filled);
          const next = questionOf(filled);
          if ("question" in next) setQuestion(next.question);
        }}
      />
    </>
  );
}

interface FormProps {
  readonly service: Service;
  readonly form: PlanForm;
  readonly mistakes: Readonly<Partial<Record<keyof PlanForm, string>>>;
  readonly onChange: (form: PlanForm) => void;
  readonly onAsk: () => void;
}

const FIGURES = [
  ["share", "Share of the traffic, %"],
  ["minutes", "Wait for a verdict, minutes"],
  ["holdback", "Holdback, %"],
  ["holdbackMinutes", "Holdback lasts, minutes"],
  ["perHour", "Requests an hour"],
  ["synthetic", "Synthetic requests a second"],
] as const;

function Form({ service, form, mistakes, onChange, onAsk }: FormProps) {
  const { strategy, synthetic } = service.config;
  const standing: Readonly<Record<(typeof FIGURES)[number][0], string>> = {
    share: strategy.steps.map((s) => s.trafficPercent).join(", "),
    minutes: String(strategy.maximumMs / 60_000),
    holdback: String(strategy.holdbackPercent),
    holdbackMinutes: String(strategy.holdbackMs / 60_000),
    perHour: "as measured",
    synthetic: String(synthetic?.requestsPerSecond ?? 0),
  };
  return (
    <form
      noValidate
      className="grid gap-4 sm:grid-cols-2 lg:grid-cols-3"
      onSubmit={(event) => {
        event.preventDefault();
        onAsk();
      }}
    >
      {service.environments.length > 1 && (
        <Field label="Environment">
          {(ids) => (
            <Select
              {...ids}
              value={form.environment}
              onChange={(event) => onChange({ ...form, environment: event.target.value })}
            >
              {service.environments.map((e) => (
                <option key={e.name}>{e.name}</option>
              ))}
            </Select>
          )}
        </Field>
      )}
      {FIGURES.map(([name, label]) => (
        <Field key={name} label={label} error={mistakes[name]}>
          {(ids) => (
            <Input
              {...ids}
              inputMode="decimal"
              placeholder={standing[name]}
              value={form[name]}
              onChange={(event) => onChange({ ...form, [name]: event.target.value })}
            />
          )}
        </Field>
      ))}
      <Field label="Without a verdict">
        {(ids) => (
          <Select
            {...ids}
            value={form.onInconclusive}
            onChange={(event) =>
              onChange({ ...form, onInconclusive: event.target.value as PlanForm["onInconclusive"] })
            }
          >
            <option value="">as configured ({strategy.onInconclusive.replace("_", " ")})</option>
            <option value="hold">hold: a person is asked</option>
            <option value="promote">promote</option>
            <option value="roll_back">roll back</option>
          </Select>
        )}
      </Field>
      <div className="flex items-end">
        <Button kind="primary" type="submit">
          Work it out
        </Button>
      </div>
    </form>
  );
}

function Answered(o: {
  planning: Planning | undefined;
  error: unknown;
  retry: () => void;
  onTake: (strategy: Planning["strategy"]) => void;
}) {
  const { planning } = o;
  if (o.error && !planning) return <ErrorPanel error={o.error} retry={o.retry} />;
  if (!planning) return <Skeleton rows={6} />;
  return (
    <>
      <Section title="What it is for">
        <p className="m-0">
          {trafficWords(planning.traffic)}
          {planning.traffic.syntheticPerSecond > 0 &&
            ` Synthetic journeys make it up to ${planning.traffic.syntheticPerSecond} requests a second while the canary is in its steps.`}
        </p>
        <p className="m-0 mt-1 text-soft">{strategyWords(planning.strategy)}</p>
        {planning.played.map((line) => (
          <p key={line} className="m-0 mt-1 text-soft">
            {line}
          </p>
        ))}
      </Section>
      <Section title="Changes a day" note="alone and in batches, as measured here">
        <ul className="m-0 flex list-disc flex-col gap-1 pl-5">
          {paceWords(planning.pace, planning.pace.when).map((line) => (
            <li key={line}>{line}</li>
          ))}
        </ul>
      </Section>
      {planning.plan ? (
        <PlanResult plan={planning.plan} strategy={planning.strategy} onTake={o.onTake} />
      ) : (
        <Working planning={planning} />
      )}
    </>
  );
}

function trafficWords(t: Planning["traffic"]): string {
  const perHour = count(Math.max(1, t.requestsPerHour));
  if (!t.measured)
    return `No traffic was measured yet: these figures are for ${perHour} requests an hour, until the first hour has been. Type another number to plan for it.`;
  return `${perHour} requests an hour over the last ${t.hours === 1 ? "hour" : `${count(t.hours)} hours (${count(t.quietestHour)} to ${count(t.busiestHour)})`}, ${percent(t.errorRatio)} of them failed, half were answered within ${milliseconds(t.latencyMedianMs)}.`;
}

function Working({ planning: { done, of } }: { planning: Planning }) {
  const part = of > 0 ? done / of : 0;
  return (
    <Section title="Rollouts are played">
      <p className="m-0 mb-2 text-soft">
        {count(done)} of {count(of)}, with the real judge. Leave this page, and the work ends.
      </p>
      <div
        role="progressbar"
        aria-label="Rollouts played"
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={Math.floor(part * 100)}
        className="h-1.5 overflow-hidden rounded-full bg-hover"
      >
        <div className="h-full rounded-full bg-accent" style={{ width: `${Math.max(1, part * 100)}%` }} />
      </div>
    </Section>
  );
}
