import { conditionWords } from "@latchkey/core/flags/words";
import { Plus, X } from "lucide-react";
import { useState } from "react";
import { Button, IconButton } from "../../../ui/Button.tsx";
import { Input, Select } from "../../../ui/Form.tsx";
import {
  type DraftAttribute,
  type DraftCondition,
  type DraftOperator,
  NEW_CONDITION,
  readValues,
  valuesText,
  withField,
} from "./draft.ts";

const OPERATORS: readonly (readonly [DraftOperator, string])[] = [
  ["equals", "is"],
  ["in", "is one of"],
  ["contains", "contains"],
  ["starts_with", "begins with"],
  ["ends_with", "ends with"],
  ["matches", "matches (pattern)"],
  ["exists", "is given"],
  ["less", "<"],
  ["less_or_equal", "≤"],
  ["greater", ">"],
  ["greater_or_equal", "≥"],
  ["before", "is before"],
  ["after", "is after"],
  ["semver_equals", "is version"],
  ["semver_less", "is a version below"],
  ["semver_less_or_equal", "is a version up to"],
  ["semver_greater", "is a version above"],
  ["semver_greater_or_equal", "is a version from"],
  ["semver_same_major", "has the major version of"],
  ["semver_same_minor", "has the major and minor version of"],
];
const TEXTS: readonly DraftOperator[] = ["equals", "in", "contains", "starts_with", "ends_with"];
/** Deeper ones are written as files: more would not be read any more. */
const DEPTH_MAX = 3;

interface Place {
  /** Names the place for a screen reader: "rule 1, condition 2". */
  readonly name: string;
  readonly segments: readonly string[];
  readonly depth: number;
}

function Attribute(o: Place & { of: DraftAttribute; onChange: (of: DraftAttribute) => void }) {
  const { of, name, onChange } = o;
  // What is typed stays as it is typed; the values are what is read from it.
  const [text, setText] = useState(() => valuesText(of.operator, of.values));
  const put = (operator: DraftOperator, typed: string): void =>
    onChange({ ...of, operator, values: operator === "exists" ? [] : readValues(operator, typed) });
  return (
    <div className="grid min-w-0 flex-1 gap-2 sm:grid-cols-[minmax(0,1fr)_minmax(0,1fr)_minmax(0,1.4fr)]">
      <Input
        aria-label={`Attribute of ${name}`}
        placeholder="country"
        list="flag-attributes"
        value={of.attribute}
        onChange={(e) => onChange({ ...of, attribute: e.target.value })}
      />
      <Select
        aria-label={`Relation of ${name}`}
        value={of.operator}
        onChange={(e) => put(e.target.value as DraftOperator, text)}
      >
        {OPERATORS.map(([operator, words]) => (
          <option key={operator} value={operator}>
            {words}
          </option>
        ))}
      </Select>
      {of.operator !== "exists" && (
        <div>
          <Input
            aria-label={`Values of ${name}`}
            placeholder="DE, AT"
            value={text}
            onChange={(e) => {
              setText(e.target.value);
              put(of.operator, e.target.value);
            }}
          />
          {TEXTS.includes(of.operator) && (
            <label className="mt-1 flex items-center gap-1.5 text-xs text-soft">
              <input
                type="checkbox"
                checked={of.ignoreCase ?? false}
                onChange={(e) => onChange(withField(of, "ignoreCase", e.target.checked ? true : undefined))}
              />
              in any case
            </label>
          )}
        </div>
      )}
    </div>
  );
}

function One(o: Place & { of: DraftCondition; onChange: (of: DraftCondition) => void }) {
  const { of, onChange, name } = o;
  if (of.kind === "attribute") return <Attribute {...o} of={of} />;
  if (of.kind === "segment")
    return (
      <div className="flex min-w-0 flex-1 items-center gap-2">
        <span className="shrink-0">in the segment</span>
        <Select
          aria-label={`Segment of ${name}`}
          value={of.segment}
          onChange={(e) => onChange({ ...of, segment: e.target.value })}
        >
          {!o.segments.includes(of.segment) && <option>{of.segment}</option>}
          {o.segments.map((key) => (
            <option key={key}>{key}</option>
          ))}
        </Select>
      </div>
    );
  if (of.kind === "share")
    return <span className="min-w-0 flex-1 break-words">{conditionWords(of)}: its share is changed in a file</span>;
  if (of.kind === "not") return <One {...o} of={of.of} onChange={(inner) => onChange({ kind: "not", of: inner })} />;
  return <Group {...o} of={of} />;
}

function Group(
  o: Place & { of: Extract<DraftCondition, { kind: "all" | "any" }>; onChange: (of: DraftCondition) => void },
) {
  const { of, onChange, name, depth } = o;
  const put = (parts: readonly DraftCondition[]): void => onChange({ ...of, of: [...parts] });
  return (
    <div className={`flex min-w-0 flex-1 flex-col gap-2 ${depth > 0 ? "border-l-2 border-line pl-3" : ""}`}>
      <div className="flex items-center gap-2 text-soft">
        <span>When</span>
        <Select
          aria-label={`How the conditions of ${name} are combined`}
          className="max-w-32"
          value={of.kind}
          onChange={(e) => onChange({ kind: e.target.value as "all" | "any", of: [...of.of] })}
        >
          <option value="all">all of</option>
          <option value="any">any of</option>
        </Select>
        <span>
          {of.of.length === 0 ? (of.kind === "all" ? "nothing: everybody" : "nothing: nobody") : "these hold"}
        </span>
      </div>
      {of.of.map((part, i) => {
        const inner = `${name}, condition ${i + 1}`;
        const isNot = part.kind === "not";
        const set = (next: DraftCondition): void => put(of.of.map((one, at) => (at === i ? next : one)));
        return (
          // biome-ignore lint/suspicious/noArrayIndexKey: a condition has no other identity.
          <div key={`${i}/${of.of.length}`} className="flex min-w-0 items-start gap-2">
            <label className="flex h-8 shrink-0 items-center gap-1 text-xs text-soft">
              <input
                type="checkbox"
                checked={isNot}
                aria-label={`Not ${inner}`}
                onChange={() => set(part.kind === "not" ? part.of : { kind: "not", of: part })}
              />
              not
            </label>
            <One {...o} of={part} name={inner} depth={depth + 1} onChange={set} />
            <IconButton label={`Remove ${inner}`} onClick={() => put(of.of.filter((_, at) => at !== i))}>
              <X size={16} aria-hidden />
            </IconButton>
          </div>
        );
      })}
      <div className="flex flex-wrap gap-2">
        <Button size="small" onClick={() => put([...of.of, NEW_CONDITION])} aria-label={`Add a condition to ${name}`}>
          <Plus size={14} aria-hidden /> Condition
        </Button>
        {o.segments.length > 0 && (
          <Button
            size="small"
            aria-label={`Add a segment to ${name}`}
            onClick={() => put([...of.of, { kind: "segment", segment: o.segments[0] ?? "" }])}
          >
            <Plus size={14} aria-hidden /> Segment
          </Button>
        )}
        {depth < DEPTH_MAX && (
          <Button
            size="small"
            aria-label={`Add a group to ${name}`}
            onClick={() => put([...of.of, { kind: of.kind === "all" ? "any" : "all", of: [NEW_CONDITION] }])}
          >
            <Plus size={14} aria-hidden /> Group
          </Button>
        )}
      </div>
    </div>
  );
}

/** When a rule holds: conditions that are combined, as deep as people read them. */
export function ConditionEditor(o: {
  when: DraftCondition;
  name: string;
  segments: readonly string[];
  onChange: (when: DraftCondition) => void;
}) {
  const { when } = o;
  // One that stands alone is shown as a group of one.
  const group = when.kind === "all" || when.kind === "any" ? when : { kind: "all" as const, of: [when] };
  return <Group of={group} name={o.name} segments={o.segments} depth={0} onChange={o.onChange} />;
}
