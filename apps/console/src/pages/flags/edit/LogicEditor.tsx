import { useState } from "react";
import type { FlagServe } from "../../../api/types.ts";
import { Field, Select, Textarea } from "../../../ui/Form.tsx";
import { readLogic } from "./logic-text.ts";

type Logic = Extract<FlagServe, { kind: "logic" }>;
const IN_CODE = "";

/** flagd's targeting as JSON. What can't be read is not taken over: the preview, and what is saved, are of what could be read last. */
export function LogicEditor(o: { serve: Logic; variants: readonly string[]; onChange: (serve: Logic) => void }) {
  const [typed, setTyped] = useState<string | null>(null);
  const read = typed === null ? null : readLogic(typed);
  // Taken away or undone elsewhere in the editor, the field shows what holds.
  const isOwn = read && "logic" in read && JSON.stringify(read.logic) === JSON.stringify(o.serve.logic);
  const isWrong = read !== null && "mistake" in read;
  const shown = typed !== null && (isOwn || isWrong) ? typed : JSON.stringify(o.serve.logic, null, 2);
  const change = (text: string): void => {
    setTyped(text);
    const next = readLogic(text);
    if ("logic" in next) o.onChange({ ...o.serve, logic: next.logic });
  };
  return (
    <div className="flex flex-col gap-3">
      <Field label="flagd logic" hint="JSON logic with flagd’s operators; it answers the name of a variant.">
        {(ids) => (
          <Textarea
            {...ids}
            rows={Math.min(20, shown.split("\n").length + 1)}
            spellCheck={false}
            className="font-mono text-xs"
            value={shown}
            aria-invalid={isWrong}
            onChange={(e) => change(e.target.value)}
          />
        )}
      </Field>
      {isWrong && (
        <p role="alert" className="m-0 text-sm text-bad">
          {read.mistake} Until it is mended, what could be read last holds.
        </p>
      )}
      <Field label="Where it answers nothing">
        {(ids) => (
          <Select
            {...ids}
            value={o.serve.variant ?? IN_CODE}
            onChange={(e) => o.onChange({ ...o.serve, variant: e.target.value === IN_CODE ? null : e.target.value })}
          >
            <option value={IN_CODE}>the value in the code</option>
            {o.variants.map((name) => (
              <option key={name}>{name}</option>
            ))}
          </Select>
        )}
      </Field>
    </div>
  );
}
