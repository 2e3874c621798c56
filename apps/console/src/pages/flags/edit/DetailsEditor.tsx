import { useState } from "react";
import type { FlagView } from "../../../api/types.ts";
import { Field, Input, Select, Textarea } from "../../../ui/Form.tsx";
import { type Draft, withField } from "./draft.ts";

const PURPOSES: Record<FlagView["purpose"], string> = {
  release: "release: gone once it is out",
  experiment: "experiment: gone once it is decided",
  operational: "operational: a switch for bad days",
  permission: "permission: who may",
  permanent: "permanent: stays",
};

type Values = Draft["variants"];
/** Values as lines `name = value`, where a value of JSON or a number is written as JSON. */
export const variantsText = (type: Draft["type"], values: Values): string =>
  Object.entries(values)
    .map(([name, value]) => `${name} = ${type === "string" ? String(value) : JSON.stringify(value)}`)
    .join("\n");
export function readVariants(type: Draft["type"], text: string): Values | string {
  const found: Values = {};
  for (const line of text.split("\n").filter((one) => one.trim() !== "")) {
    const at = line.indexOf("=");
    const name = line.slice(0, at).trim();
    const value = line.slice(at + 1).trim();
    if (at <= 0) return `“${line.trim()}”: write name = value.`;
    if (Object.hasOwn(found, name)) return `${name} is there twice.`;
    if (type === "string") found[name] = value;
    else
      try {
        found[name] = JSON.parse(value) as Values[string];
      } catch {
        return `${name}: “${value}” is not ${type === "number" ? "a number" : type === "boolean" ? "true or false" : "JSON"}.`;
      }
  }
  return Object.keys(found).length === 0 ? "Name at least one." : found;
}

/** What the flag is: for whom it is kept, how long, and which values it has. */
export function DetailsEditor({ draft, onChange }: { draft: Draft; onChange: (draft: Draft) => void }) {
  const [values, setValues] = useState(() => variantsText(draft.type, draft.variants));
  const [problem, setProblem] = useState<string>();
  return (
    <div className="grid gap-4 p-4 sm:grid-cols-2">
      <div className="sm:col-span-2">
        <Field label="What it is for">
          {(ids) => (
            <Input
              {...ids}
              maxLength={1_000}
              value={draft.description}
              onChange={(e) => onChange({ ...draft, description: e.target.value })}
            />
          )}
        </Field>
      </div>
      <Field label="Owner">
        {(ids) => (
          <Input
            {...ids}
            maxLength={100}
            value={draft.owner}
            onChange={(e) => onChange({ ...draft, owner: e.target.value })}
          />
        )}
      </Field>
      <Field label="Purpose">
        {(ids) => (
          <Select
            {...ids}
            value={draft.purpose}
            onChange={(e) => onChange({ ...draft, purpose: e.target.value as Draft["purpose"] })}
          >
            {Object.entries(PURPOSES).map(([purpose, words]) => (
              <option key={purpose} value={purpose}>
                {words}
              </option>
            ))}
          </Select>
        )}
      </Field>
      <Field label="Should be gone from the code by">
        {(ids) => (
          <Input
            {...ids}
            type="date"
            value={draft.expires ?? ""}
            onChange={(e) => onChange(withField(draft, "expires", e.target.value || undefined))}
          />
        )}
      </Field>
      <Field label="Tags" hint="Between commas.">
        {(ids) => (
          <Input
            {...ids}
            defaultValue={draft.tags.join(", ")}
            onChange={(e) =>
              onChange({
                ...draft,
                tags: e.target.value
                  .split(",")
                  .map((tag) => tag.trim())
                  .filter((tag) => tag !== ""),
              })
            }
          />
        )}
      </Field>
      <Field label="Values" hint="One on each line: name = value." error={problem}>
        {(ids) => (
          <Textarea
            {...ids}
            rows={4}
            className="font-mono"
            value={values}
            onChange={(e) => {
              setValues(e.target.value);
              const read = readVariants(draft.type, e.target.value);
              setProblem(typeof read === "string" ? read : undefined);
              if (typeof read !== "string") onChange({ ...draft, variants: read });
            }}
          />
        )}
      </Field>
      <label className="flex items-start gap-2 self-start">
        <input
          type="checkbox"
          className="mt-1"
          checked={draft.isPublic}
          onChange={(e) => onChange({ ...draft, isPublic: e.target.checked })}
        />
        <span>
          Browsers are given its value
          <span className="block text-xs text-muted">Only the value: never the rules, never what others get.</span>
        </span>
      </label>
    </div>
  );
}
