import { DEFAULT_PLAN } from "@latchkey/core/flags/experiment";
import { Plus, X } from "lucide-react";
import type { FlagServe } from "../../../api/types.ts";
import { Button, IconButton } from "../../../ui/Button.tsx";
import { Field, Input, NumberField, Select } from "../../../ui/Form.tsx";
import { withField } from "./draft.ts";

type Rollout = Extract<FlagServe, { kind: "rollout" }>;
type Plan = NonNullable<Rollout["experiment"]>;
type Guardrail = Plan["guardrails"][number];
type Goal = Plan["goals"][number];

const DEFAULT: Plan = {
  ...DEFAULT_PLAN,
  guardrails: DEFAULT_PLAN.guardrails.map((one) => ({ ...one })),
  goals: DEFAULT_PLAN.goals.map((one) => ({ ...one })),
};

const Metric = (o: { label: string; value: string; onChange: (metric: string) => void }) => (
  <Field label={o.label}>
    {(ids) => <Input {...ids} value={o.value} placeholder="errors" onChange={(e) => o.onChange(e.target.value)} />}
  </Field>
);

function GuardrailRow(o: { n: number; of: Guardrail; onChange: (of: Guardrail) => void; onRemove: () => void }) {
  const { n, of, onChange } = o;
  return (
    <div className="grid items-end gap-2 sm:grid-cols-[minmax(0,1.4fr)_minmax(0,1fr)_minmax(0,1fr)_auto]">
      <Metric label={`Guardrail ${n}`} value={of.metric} onChange={(metric) => onChange({ ...of, metric })} />
      <NumberField
        label={`Guardrail ${n}: bad above`}
        value={of.over}
        onChange={(over) => onChange(withField(of, "over", over))}
      />
      <NumberField
        label={`Guardrail ${n}: tolerated, %`}
        value={of.tolerancePercent}
        onChange={(percent) => onChange(withField(of, "tolerancePercent", percent))}
      />
      <IconButton label={`Remove guardrail ${n}`} onClick={o.onRemove}>
        <X size={16} aria-hidden />
      </IconButton>
    </div>
  );
}

function GoalRow(o: { n: number; of: Goal; onChange: (of: Goal) => void; onRemove: () => void }) {
  const { n, of, onChange } = o;
  return (
    <div className="grid items-end gap-2 sm:grid-cols-[minmax(0,1.2fr)_minmax(0,1fr)_minmax(0,0.8fr)_minmax(0,0.8fr)_auto]">
      <Metric label={`Goal ${n}`} value={of.metric} onChange={(metric) => onChange({ ...of, metric })} />
      <Field label={`Goal ${n}: counted`}>
        {(ids) => (
          <Select {...ids} value={of.kind} onChange={(e) => onChange({ ...of, kind: e.target.value as Goal["kind"] })}>
            <option value="conversion">who did it</option>
            <option value="mean">how much, per user</option>
          </Select>
        )}
      </Field>
      <Field label={`Goal ${n}: better`}>
        {(ids) => (
          <Select
            {...ids}
            value={of.better}
            onChange={(e) => onChange({ ...of, better: e.target.value as Goal["better"] })}
          >
            <option value="more">more</option>
            <option value="less">less</option>
          </Select>
        )}
      </Field>
      <NumberField
        label={`Goal ${n}: at least, %`}
        value={of.minEffectPercent}
        onChange={(percent) => onChange({ ...of, minEffectPercent: percent ?? 0 })}
      />
      <IconButton label={`Remove goal ${n}`} onClick={o.onRemove}>
        <X size={16} aria-hidden />
      </IconButton>
    </div>
  );
}

/** What is watched while a rollout grows, and what is hoped for. */
export function ExperimentEditor({ serve, onChange }: { serve: Rollout; onChange: (serve: Rollout) => void }) {
  const plan: Plan = serve.experiment ?? DEFAULT;
  const put = (next: Partial<Plan>): void => onChange({ ...serve, experiment: { ...plan, ...next } });
  const placed = <T,>(list: readonly T[], at: number, one: T): T[] => list.map((old, i) => (i === at ? one : old));
  const without = <T,>(list: readonly T[], at: number): T[] => list.filter((_, i) => i !== at);
  return (
    <details open={serve.experiment !== undefined}>
      <summary className="cursor-pointer text-xs text-soft">
        Watched: {plan.guardrails.map((one) => one.metric).join(", ") || "nothing"}
        {plan.goals.length > 0 && `; hoped for: ${plan.goals.map((one) => one.metric).join(", ")}`}
      </summary>
      <div className="mt-3 flex flex-col gap-3">
        {plan.guardrails.map((one, i) => (
          <GuardrailRow
            // biome-ignore lint/suspicious/noArrayIndexKey: a guardrail has no other identity while its name is typed.
            key={i}
            n={i + 1}
            of={one}
            onChange={(next) => put({ guardrails: placed(plan.guardrails, i, next) })}
            onRemove={() => put({ guardrails: without(plan.guardrails, i) })}
          />
        ))}
        {plan.goals.map((one, i) => (
          <GoalRow
            // biome-ignore lint/suspicious/noArrayIndexKey: a goal has no other identity while its name is typed.
            key={i}
            n={i + 1}
            of={one}
            onChange={(next) => put({ goals: placed(plan.goals, i, next) })}
            onRemove={() => put({ goals: without(plan.goals, i) })}
          />
        ))}
        <div className="flex flex-wrap gap-2">
          <Button size="small" onClick={() => put({ guardrails: [...plan.guardrails, { metric: "" }] })}>
            <Plus size={14} aria-hidden /> Guardrail
          </Button>
          <Button
            size="small"
            onClick={() =>
              put({ goals: [...plan.goals, { metric: "", kind: "conversion", better: "more", minEffectPercent: 5 }] })
            }
          >
            <Plus size={14} aria-hidden /> Goal
          </Button>
        </div>
        <div className="grid gap-3 sm:grid-cols-2">
          <NumberField
            label="Chance to kill a harmless one, %"
            hint="Over all guardrails and steps."
            value={Number((plan.alpha * 100).toFixed(6))}
            onChange={(percent) => put({ alpha: (percent ?? 0) / 100 })}
          />
          <NumberField
            label="Users of each arm before a next step"
            value={plan.minExposures}
            onChange={(n) => put({ minExposures: Math.round(n ?? 0) })}
          />
        </div>
      </div>
    </details>
  );
}
