import { WEEKDAYS } from "@latchkey/core/shared/zone";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, type ReactNode, useId, useState } from "react";
import { ApiError, api, project, wordsOf } from "../../api/client.ts";
import { keys } from "../../api/queries.ts";
import type { NotificationChannel } from "../../api/types.ts";
import { Button } from "../../ui/Button.tsx";
import { Field, Input, Select } from "../../ui/Form.tsx";
import { sentence, spaced } from "../../ui/format.ts";
import { toast } from "../../ui/Toasts.tsx";
import { QuietPicture } from "./QuietPicture.tsx";
import { bodyOf, quietOf, type RuleForm, ruleMistakes } from "./rule-form.ts";

const OUTCOMES = [
  "waiting",
  "promoted",
  "succeeded",
  "rolled_back",
  "failed",
  "aborted",
  "progressing",
  "other",
] as const;

/** Several of a few. */
function Checks<T extends string>(o: {
  legend: string;
  options: readonly { readonly value: T; readonly label: string }[];
  values: readonly T[];
  onChange: (values: T[]) => void;
  error?: string | undefined;
}) {
  const about = useId();
  const toggle = (value: T) =>
    o.onChange(o.values.includes(value) ? o.values.filter((one) => one !== value) : [...o.values, value]);
  return (
    <fieldset className="m-0 border-0 p-0" aria-describedby={o.error ? about : undefined}>
      <legend className="mb-1 p-0 text-xs font-medium text-soft">{o.legend}</legend>
      <div className="flex flex-wrap gap-1.5">
        {o.options.map(({ value, label }) => (
          <label
            key={value}
            className="flex cursor-pointer items-center gap-1.5 rounded-md border border-line px-2 py-1 hover:bg-hover has-checked:border-accent has-checked:bg-accent-soft has-focus-visible:outline-2 has-focus-visible:outline-offset-2 has-focus-visible:outline-accent"
          >
            <input
              type="checkbox"
              checked={o.values.includes(value)}
              onChange={() => toggle(value)}
              className="accent-(--accent) focus-visible:outline-none"
            />
            {label}
          </label>
        ))}
      </div>
      {o.error && (
        <div id={about} className="mt-1 text-xs text-bad">
          {o.error}
        </div>
      )}
    </fieldset>
  );
}

type Change = (change: Partial<RuleForm>) => void;

function Quiet({ form, change, error }: { form: RuleForm; change: Change; error: string | undefined }) {
  const zones = useId();
  const quiet = quietOf(form);
  return (
    <div className="flex flex-col gap-3 rounded-md border border-line p-3">
      <label className="flex items-center gap-2">
        <input
          type="checkbox"
          checked={form.isQuiet}
          onChange={(e) => change({ isQuiet: e.target.checked })}
          className="accent-(--accent)"
        />
        <span>
          <span className="font-medium">Quiet hours</span>
          <span className="block text-xs text-muted">
            What is not critical is held and told in one message when they end.
          </span>
        </span>
      </label>
      {form.isQuiet && (
        <>
          <Checks
            legend="Days on which they begin"
            options={WEEKDAYS.map((day) => ({ value: day, label: sentence(day) }))}
            values={form.days}
            onChange={(days) => change({ days })}
            error={error}
          />
          <div className="grid gap-3 sm:grid-cols-3">
            <Field label="From">
              {(ids) => (
                <Input {...ids} type="time" value={form.from} onChange={(e) => change({ from: e.target.value })} />
              )}
            </Field>
            <Field label="To">
              {(ids) => <Input {...ids} type="time" value={form.to} onChange={(e) => change({ to: e.target.value })} />}
            </Field>
            <Field label="Time zone">
              {(ids) => (
                <Input
                  {...ids}
                  list={zones}
                  value={form.timeZone}
                  onChange={(e) => change({ timeZone: e.target.value })}
                />
              )}
            </Field>
            <datalist id={zones}>
              {Intl.supportedValuesOf("timeZone").map((zone) => (
                <option key={zone} value={zone} />
              ))}
            </datalist>
          </div>
          {quiet && <QuietPicture hours={quiet} />}
        </>
      )}
    </div>
  );
}

function Filters({ form, change }: { form: RuleForm; change: Change }) {
  return (
    <div className="grid gap-3 sm:grid-cols-3">
      <Field label="Types" hint="delivery.rollout.*; empty means all.">
        {(ids) => <Input {...ids} value={form.types} onChange={(e) => change({ types: e.target.value })} />}
      </Field>
      <Field label="Services" hint="Names with commas; empty means all.">
        {(ids) => <Input {...ids} value={form.services} onChange={(e) => change({ services: e.target.value })} />}
      </Field>
      <Field label="Environments" hint="The same.">
        {(ids) => (
          <Input {...ids} value={form.environments} onChange={(e) => change({ environments: e.target.value })} />
        )}
      </Field>
    </div>
  );
}

export function RuleEditor(o: {
  ruleId: string | null;
  first: RuleForm;
  channels: readonly NotificationChannel[];
  onClose: () => void;
  also: ReactNode;
}) {
  const client = useQueryClient();
  const [form, setForm] = useState(o.first);
  const [tried, setTried] = useState(false);
  const change: Change = (part) => setForm((old) => ({ ...old, ...part }));
  const save = useMutation({
    mutationFn: () =>
      o.ruleId === null
        ? api.createNotificationRule({ params: { project }, body: bodyOf(form) })
        : api.updateNotificationRule({ params: { project, ruleId: o.ruleId }, body: bodyOf(form) }),
    onSuccess: async (rule) => {
      toast.done("Saved", rule.name);
      o.onClose();
      await client.invalidateQueries({ queryKey: keys.notifications });
    },
  });
  const wrong = ruleMistakes(form);
  const refused = save.error instanceof ApiError ? (save.error.problem.fields ?? []) : [];
  const errorOf = (field: keyof typeof wrong): string | undefined =>
    (tried ? wrong[field] : undefined) ?? refused.find((one) => one.field.startsWith(field))?.message;
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    setTried(true);
    if (Object.keys(wrong).length === 0) save.mutate();
  };
  return (
    <form onSubmit={submit} className="flex flex-col gap-4" noValidate>
      <Field label="Name" error={errorOf("name")}>
        {(ids) => (
          <Input {...ids} value={form.name} maxLength={60} onChange={(e) => change({ name: e.target.value })} />
        )}
      </Field>
      <Checks
        legend="What it comes to (none chosen means everything)"
        options={OUTCOMES.map((outcome) => ({ value: outcome, label: sentence(spaced(outcome)) }))}
        values={form.outcomes}
        onChange={(outcomes) => change({ outcomes })}
      />
      <Filters form={form} change={change} />
      <Checks
        legend="Channels"
        options={o.channels.map((channel) => ({ value: channel.id, label: channel.name }))}
        values={form.channelIds}
        onChange={(channelIds) => change({ channelIds })}
        error={errorOf("channelIds")}
      />
      <Field label="Severity" hint="Critical comes in quiet hours, too.">
        {(ids) => (
          <Select
            {...ids}
            value={form.severity}
            onChange={(e) => change({ severity: e.target.value as RuleForm["severity"] })}
          >
            <option value="auto">By the outcome: rolled back and failed are critical</option>
            <option value="info">Information</option>
            <option value="warning">Warning</option>
            <option value="critical">Critical</option>
          </Select>
        )}
      </Field>
      <Quiet form={form} change={change} error={errorOf("quietHours")} />
      <label className="flex items-center gap-2">
        <input
          type="checkbox"
          checked={form.enabled}
          onChange={(e) => change({ enabled: e.target.checked })}
          className="accent-(--accent)"
        />
        On
      </label>
      {save.error && (
        <p role="alert" className="m-0 rounded-md bg-bad-soft px-3 py-2 text-bad">
          {wordsOf(save.error)}
        </p>
      )}
      <div className="flex flex-wrap justify-end gap-2">
        {o.also && <div className="mr-auto">{o.also}</div>}
        <Button onClick={o.onClose}>Cancel</Button>
        <Button type="submit" kind="primary" busy={save.isPending}>
          Save
        </Button>
      </div>
    </form>
  );
}
