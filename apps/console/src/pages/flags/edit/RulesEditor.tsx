import { variantWords } from "@latchkey/core/flags/words";
import { ArrowDown, ArrowUp, Copy, Plus, X } from "lucide-react";
import type { FlagRules, FlagView } from "../../../api/types.ts";
import { Button, IconButton } from "../../../ui/Button.tsx";
import { Field, Input, Select } from "../../../ui/Form.tsx";
import { ConditionEditor } from "./ConditionEditor.tsx";
import { type DraftRule, instantOf, localOf, moved, newRule, newRuleId, withField } from "./draft.ts";
import { ServeEditor } from "./ServeEditor.tsx";

interface Common {
  readonly variants: readonly string[];
  readonly segments: readonly string[];
  /** Where the rollout of a rule stands, if it has begun. */
  readonly standing: (rule: string) => number | undefined;
}

function RuleEditor(
  o: Common & {
    rule: DraftRule;
    place: number;
    of: number;
    onChange: (rule: DraftRule) => void;
    onMove: (by: -1 | 1) => void;
    onCopy: () => void;
    onRemove: () => void;
  },
) {
  const { rule, place, onChange } = o;
  const name = `rule ${place}`;
  return (
    <li className="border-b border-line px-4 py-4">
      <div className="mb-3 flex items-center gap-2">
        <span className="font-medium">
          {place}. <span className="text-xs font-normal text-muted">{rule.id}</span>
        </span>
        <div className="ml-auto flex">
          <IconButton label={`Move ${name} up`} disabled={place === 1} onClick={() => o.onMove(-1)}>
            <ArrowUp size={16} aria-hidden />
          </IconButton>
          <IconButton label={`Move ${name} down`} disabled={place === o.of} onClick={() => o.onMove(1)}>
            <ArrowDown size={16} aria-hidden />
          </IconButton>
          <IconButton label={`Copy ${name}`} onClick={o.onCopy}>
            <Copy size={16} aria-hidden />
          </IconButton>
          <IconButton label={`Remove ${name}`} onClick={o.onRemove}>
            <X size={16} aria-hidden />
          </IconButton>
        </div>
      </div>
      <div className="flex flex-col gap-4">
        <ConditionEditor
          when={rule.when}
          name={name}
          segments={o.segments}
          onChange={(when) => onChange({ ...rule, when })}
        />
        <ServeEditor
          serve={rule.serve}
          variants={o.variants}
          standing={o.standing(rule.id)}
          onChange={(serve) => onChange({ ...rule, serve })}
        />
        <details>
          <summary className="cursor-pointer text-xs text-soft">Description and times</summary>
          <div className="mt-2 grid gap-3 sm:grid-cols-3">
            <Field label="Description">
              {(ids) => (
                <Input
                  {...ids}
                  maxLength={300}
                  value={rule.description ?? ""}
                  onChange={(e) => onChange(withField(rule, "description", e.target.value || undefined))}
                />
              )}
            </Field>
            <Field label="Holds from">
              {(ids) => (
                <Input
                  {...ids}
                  type="datetime-local"
                  value={localOf(rule.from)}
                  onChange={(e) => onChange(withField(rule, "from", instantOf(e.target.value)))}
                />
              )}
            </Field>
            <Field label="Holds until">
              {(ids) => (
                <Input
                  {...ids}
                  type="datetime-local"
                  value={localOf(rule.until)}
                  onChange={(e) => onChange(withField(rule, "until", instantOf(e.target.value)))}
                />
              )}
            </Field>
          </div>
        </details>
      </div>
    </li>
  );
}

function Prerequisites(o: {
  rules: FlagRules;
  others: readonly { readonly key: string; readonly variants: readonly string[] }[];
  onChange: (rules: FlagRules) => void;
}) {
  const { rules, others } = o;
  const put = (prerequisites: FlagRules["prerequisites"]): void => o.onChange({ ...rules, prerequisites });
  return (
    <div className="flex flex-col gap-2 border-b border-line px-4 py-3">
      {rules.prerequisites.map((needed, i) => {
        const known = others.find((one) => one.key === needed.flag);
        const names = known?.variants ?? needed.variants;
        return (
          // biome-ignore lint/suspicious/noArrayIndexKey: a need has no other identity.
          <div key={i} className="flex flex-wrap items-center gap-2">
            <span className="text-soft">Only where</span>
            <Select
              aria-label={`Flag that is needed, ${i + 1}`}
              className="max-w-56"
              value={needed.flag}
              onChange={(e) =>
                put(
                  rules.prerequisites.map((one, at) =>
                    at === i
                      ? {
                          flag: e.target.value,
                          variants: (others.find((other) => other.key === e.target.value)?.variants ?? []).slice(0, 1),
                        }
                      : one,
                  ),
                )
              }
            >
              {!known && <option>{needed.flag}</option>}
              {others.map((one) => (
                <option key={one.key}>{one.key}</option>
              ))}
            </Select>
            <span className="text-soft">is</span>
            {names.map((variant) => (
              <label key={variant} className="flex items-center gap-1">
                <input
                  type="checkbox"
                  checked={needed.variants.includes(variant)}
                  onChange={(e) =>
                    put(
                      rules.prerequisites.map((one, at) =>
                        at === i
                          ? {
                              ...one,
                              variants: e.target.checked
                                ? [...one.variants, variant]
                                : one.variants.filter((name) => name !== variant),
                            }
                          : one,
                      ),
                    )
                  }
                />
                {variant}
              </label>
            ))}
            <IconButton
              label={`Remove the need of ${needed.flag}`}
              onClick={() => put(rules.prerequisites.filter((_, at) => at !== i))}
            >
              <X size={16} aria-hidden />
            </IconButton>
          </div>
        );
      })}
      <div>
        <Button
          size="small"
          disabled={others.length === 0}
          onClick={() => {
            const [first] = others;
            if (first) put([...rules.prerequisites, { flag: first.key, variants: first.variants.slice(0, 1) }]);
          }}
        >
          <Plus size={14} aria-hidden /> Needs another flag
        </Button>
      </div>
    </div>
  );
}

/** The rules of one environment, in the order in which they are asked; the last is for everybody else. */
export function RulesEditor(
  o: Common & {
    rules: FlagRules;
    others: readonly { readonly key: string; readonly variants: readonly string[] }[];
    onChange: (rules: FlagRules) => void;
  },
) {
  const { rules, onChange } = o;
  const put = (list: readonly DraftRule[]): void => onChange({ ...rules, rules: [...list] });
  return (
    <div>
      <Prerequisites rules={rules} others={o.others} onChange={onChange} />
      <ol className="m-0 list-none p-0">
        {rules.rules.map((rule, i) => (
          <RuleEditor
            key={rule.id}
            {...o}
            rule={rule}
            place={i + 1}
            of={rules.rules.length}
            onChange={(next) => put(rules.rules.map((one, at) => (at === i ? next : one)))}
            onMove={(by) => put(moved(rules.rules, i, by))}
            onCopy={() =>
              put([
                ...rules.rules.slice(0, i + 1),
                { ...rule, id: newRuleId(rules.rules) },
                ...rules.rules.slice(i + 1),
              ])
            }
            onRemove={() => put(rules.rules.filter((_, at) => at !== i))}
          />
        ))}
      </ol>
      <div className="border-b border-line px-4 py-3">
        <Button
          size="small"
          onClick={() =>
            put([...rules.rules, newRule(rules.rules, { kind: "variant", variant: o.variants[0] ?? "on" })])
          }
        >
          <Plus size={14} aria-hidden /> Rule
        </Button>
      </div>
      <div className="flex flex-col gap-3 px-4 py-4">
        <span className="font-medium">{rules.rules.length > 0 ? "Everybody else" : "Everybody"}</span>
        <ServeEditor
          serve={rules.otherwise}
          variants={o.variants}
          standing={o.standing("otherwise")}
          onChange={(otherwise) => onChange({ ...rules, otherwise })}
        />
        <Field label="While it is off, everybody gets">
          {(ids) => (
            <Select
              {...ids}
              className="max-w-56"
              value={rules.off ?? ""}
              onChange={(e) => onChange({ ...rules, off: e.target.value === "" ? null : e.target.value })}
            >
              <option value="">{variantWords(null)}</option>
              {rules.off !== null && !o.variants.includes(rules.off) && <option>{rules.off}</option>}
              {o.variants.map((name) => (
                <option key={name}>{name}</option>
              ))}
            </Select>
          )}
        </Field>
      </div>
    </div>
  );
}

/** The attributes that the draft names, for the lists of suggestions. */
export function attributesOf(definition: FlagView["definition"]): string[] {
  const found = new Set<string>(["targetingKey"]);
  const look = (when: DraftRule["when"]): void => {
    if (when.kind === "attribute") found.add(when.attribute);
    else if (when.kind === "not") look(when.of);
    else if (when.kind === "share") found.add(when.by);
    else if (when.kind !== "segment") when.of.forEach(look);
  };
  for (const rules of Object.values(definition.environments))
    for (const rule of rules.rules) {
      look(rule.when);
      if (rule.serve.kind === "split" || rule.serve.kind === "rollout") found.add(rule.serve.by);
    }
  return [...found].filter((name) => name !== "");
}
