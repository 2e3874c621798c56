import { Plus, X } from "lucide-react";
import type { FlagServe } from "../../../api/types.ts";
import { Button, IconButton } from "../../../ui/Button.tsx";
import { Field, Input, NumberField, Select } from "../../../ui/Form.tsx";
import { instantOf, localOf, serveOfKind, withField } from "./draft.ts";
import { ExperimentEditor } from "./ExperimentEditor.tsx";
import { LogicEditor } from "./LogicEditor.tsx";

type Rollout = Extract<FlagServe, { kind: "rollout" }>;
type Split = Extract<FlagServe, { kind: "split" }>;
type Ramp = NonNullable<Rollout["ramp"]>;
const HOUR_MS = 3_600_000;

function Variants(o: { label: string; value: string; names: readonly string[]; onChange: (name: string) => void }) {
  return (
    <Field label={o.label}>
      {(ids) => (
        <Select {...ids} value={o.value} onChange={(e) => o.onChange(e.target.value)}>
          {o.names.map((name) => (
            <option key={name}>{name}</option>
          ))}
        </Select>
      )}
    </Field>
  );
}
/** Not a number while nothing is typed: the difference says so. */
const Percent = (o: { label: string; value: number; onChange: (percent: number) => void }) => (
  <NumberField {...o} max={100} onChange={(percent) => o.onChange(percent ?? Number.NaN)} />
);
const By = (o: { value: string; onChange: (by: string) => void }) => (
  <Field label="By" hint="The attribute that keeps a user in the same share.">
    {(ids) => <Input {...ids} value={o.value} list="flag-attributes" onChange={(e) => o.onChange(e.target.value)} />}
  </Field>
);

function Shares({ serve, names, onChange }: { serve: Split; names: readonly string[]; onChange: (s: Split) => void }) {
  const set = (i: number, share: Partial<Split["shares"][number]>): void =>
    onChange({ ...serve, shares: serve.shares.map((one, at) => (at === i ? { ...one, ...share } : one)) });
  const sum = serve.shares.reduce((all, one) => all + (Number.isFinite(one.percent) ? one.percent : 0), 0);
  return (
    <div className="flex flex-col gap-2">
      {serve.shares.map((share, i) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a share has no other identity.
        <div key={i} className="flex items-end gap-2">
          <div className="min-w-0 flex-1">
            <Variants
              label={`Variant of share ${i + 1}`}
              value={share.variant}
              names={names}
              onChange={(variant) => set(i, { variant })}
            />
          </div>
          <div className="w-24">
            <Percent
              label={`Percent of share ${i + 1}`}
              value={share.percent}
              onChange={(percent) => set(i, { percent })}
            />
          </div>
          <IconButton
            label={`Remove share ${i + 1}`}
            onClick={() => onChange({ ...serve, shares: serve.shares.filter((_, at) => at !== i) })}
          >
            <X size={16} aria-hidden />
          </IconButton>
        </div>
      ))}
      <div className="flex flex-wrap items-center gap-3">
        <Button
          size="small"
          onClick={() => onChange({ ...serve, shares: [...serve.shares, { variant: names[0] ?? "on", percent: 0 }] })}
        >
          <Plus size={14} aria-hidden /> Share
        </Button>
        <span className={`text-xs ${Math.abs(sum - 100) < 1e-6 ? "text-muted" : "text-bad"}`}>
          {Number(sum.toFixed(3))} % of 100 %
        </span>
      </div>
    </div>
  );
}

function rampOfKind(kind: "none" | Ramp["kind"], percent: number): Ramp | undefined {
  if (kind === "none") return undefined;
  if (kind === "steps")
    return {
      kind,
      steps: [5, 10, 25, 50, 100].filter((p) => p > percent).map((p) => ({ percent: p, holdMs: 24 * HOUR_MS })),
    };
  const from = Date.now();
  return {
    kind,
    from: new Date(from).toISOString(),
    until: new Date(from + 7 * 24 * HOUR_MS).toISOString(),
    toPercent: 100,
  };
}

function RampEditor({ serve, onChange }: { serve: Rollout; onChange: (serve: Rollout) => void }) {
  const { ramp } = serve;
  const set = (next: Ramp | undefined): void => onChange(withField(serve, "ramp", next));
  return (
    <div className="flex flex-col gap-3">
      <Field label="How it grows">
        {(ids) => (
          <Select
            {...ids}
            value={ramp?.kind ?? "none"}
            onChange={(e) => set(rampOfKind(e.target.value as "none" | Ramp["kind"], serve.percent))}
          >
            <option value="none">When somebody moves it</option>
            <option value="steps">Step by step, while its guardrails allow</option>
            <option value="time">Evenly between two moments</option>
          </Select>
        )}
      </Field>
      {ramp?.kind === "time" && (
        <div className="grid gap-3 sm:grid-cols-3">
          <Field label="From">
            {(ids) => (
              <Input
                {...ids}
                type="datetime-local"
                value={localOf(ramp.from)}
                onChange={(e) => set({ ...ramp, from: instantOf(e.target.value) ?? ramp.from })}
              />
            )}
          </Field>
          <Field label="Until">
            {(ids) => (
              <Input
                {...ids}
                type="datetime-local"
                value={localOf(ramp.until)}
                onChange={(e) => set({ ...ramp, until: instantOf(e.target.value) ?? ramp.until })}
              />
            )}
          </Field>
          <Percent label="To percent" value={ramp.toPercent} onChange={(toPercent) => set({ ...ramp, toPercent })} />
        </div>
      )}
      {ramp?.kind === "steps" && (
        <div className="flex flex-col gap-2">
          {ramp.steps.map((step, i) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: a step has no other identity.
            <div key={i} className="flex items-end gap-2">
              <div className="w-24">
                <Percent
                  label={`Step ${i + 1}, percent`}
                  value={step.percent}
                  onChange={(percent) =>
                    set({ ...ramp, steps: ramp.steps.map((one, at) => (at === i ? { ...one, percent } : one)) })
                  }
                />
              </div>
              <NumberField
                label="held for, hours"
                className="w-28"
                value={step.holdMs / HOUR_MS}
                onChange={(hours) => {
                  const holdMs = Math.max(0, Math.round((hours ?? 0) * HOUR_MS));
                  set({ ...ramp, steps: ramp.steps.map((one, at) => (at === i ? { ...one, holdMs } : one)) });
                }}
              />
              <IconButton
                label={`Remove step ${i + 1}`}
                onClick={() => set({ ...ramp, steps: ramp.steps.filter((_, at) => at !== i) })}
              >
                <X size={16} aria-hidden />
              </IconButton>
            </div>
          ))}
          <div>
            <Button
              size="small"
              onClick={() => set({ ...ramp, steps: [...ramp.steps, { percent: 100, holdMs: 24 * HOUR_MS }] })}
            >
              <Plus size={14} aria-hidden /> Step
            </Button>
          </div>
        </div>
      )}
    </div>
  );
}

/** Who matched gets this: one variant, a growing share, or several shares. */
export function ServeEditor(o: {
  serve: FlagServe;
  variants: readonly string[];
  /** Where the rollout stands by now, if it has begun. */
  standing: number | undefined;
  onChange: (serve: FlagServe) => void;
}) {
  const { serve, variants, onChange } = o;
  return (
    <div className="flex flex-col gap-3">
      <div className="grid gap-3 sm:grid-cols-2">
        <Field label="Serve">
          {(ids) => (
            <Select
              {...ids}
              value={serve.kind}
              onChange={(e) => onChange(serveOfKind(e.target.value as FlagServe["kind"], serve, variants))}
            >
              <option value="variant">one variant</option>
              <option value="rollout">a share of the users, against the others</option>
              <option value="split">several variants by share</option>
              <option value="logic">what flagd logic says</option>
            </Select>
          )}
        </Field>
        {serve.kind === "variant" ? (
          <Variants
            label="Variant"
            value={serve.variant}
            names={variants}
            onChange={(variant) => onChange({ ...serve, variant })}
          />
        ) : serve.kind === "logic" ? null : (
          <By value={serve.by} onChange={(by) => onChange({ ...serve, by })} />
        )}
      </div>
      {serve.kind === "logic" && <LogicEditor serve={serve} variants={variants} onChange={onChange} />}
      {serve.kind === "split" && <Shares serve={serve} names={variants} onChange={onChange} />}
      {serve.kind === "rollout" && (
        <>
          <div className="grid gap-3 sm:grid-cols-3">
            <Variants
              label="Variant"
              value={serve.variant}
              names={variants}
              onChange={(variant) => onChange({ ...serve, variant })}
            />
            <Percent
              label="Begins at percent"
              value={serve.percent}
              onChange={(percent) => onChange({ ...serve, percent })}
            />
            <Variants
              label="The others keep"
              value={serve.against}
              names={variants}
              onChange={(against) => onChange({ ...serve, against })}
            />
          </div>
          {o.standing !== undefined && (
            <p className="m-0 text-xs text-muted">
              It has begun and stands at {o.standing} %: that stays when this is saved. It is moved on the flag’s page.
            </p>
          )}
          <RampEditor serve={serve} onChange={onChange} />
          <ExperimentEditor serve={serve} onChange={onChange} />
        </>
      )}
    </div>
  );
}
