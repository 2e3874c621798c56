import type { InputHTMLAttributes, ReactNode, SelectHTMLAttributes, TextareaHTMLAttributes } from "react";
import { useId } from "react";

const BOX = "w-full rounded-md border border-control bg-surface px-2.5 text-sm text-ink placeholder:text-muted";

/** A label, its control, and a hint or error that belongs to it. */
export function Field(o: {
  label: string;
  hint?: ReactNode;
  error?: string | undefined;
  children: (ids: { id: string; "aria-describedby": string | undefined; "aria-invalid": boolean }) => ReactNode;
}) {
  const id = useId();
  const described = o.hint || o.error ? `${id}-about` : undefined;
  return (
    <div>
      <label htmlFor={id} className="mb-1 block text-xs font-medium text-soft">
        {o.label}
      </label>
      {o.children({ id, "aria-describedby": described, "aria-invalid": o.error !== undefined })}
      {described && (
        <div id={described} className={`mt-1 text-xs ${o.error ? "text-bad" : "text-muted"}`}>
          {o.error ?? o.hint}
        </div>
      )}
    </div>
  );
}

export const Input = ({ className = "", ...rest }: InputHTMLAttributes<HTMLInputElement>) => (
  <input {...rest} className={`${BOX} h-8 ${className}`} />
);
export const Select = ({ className = "", ...rest }: SelectHTMLAttributes<HTMLSelectElement>) => (
  <select {...rest} className={`${BOX} h-8 ${className}`} />
);
export const Textarea = ({ className = "", ...rest }: TextareaHTMLAttributes<HTMLTextAreaElement>) => (
  <textarea {...rest} className={`${BOX} min-h-16 py-1.5 ${className}`} />
);

/** A number from 0; undefined while nothing that is one is typed. */
export function NumberField(o: {
  label: string;
  value: number | undefined;
  hint?: string;
  max?: number;
  className?: string;
  onChange: (value: number | undefined) => void;
}) {
  return (
    <Field label={o.label} hint={o.hint}>
      {(ids) => (
        <Input
          {...ids}
          type="number"
          min={0}
          max={o.max}
          step="any"
          className={o.className}
          value={o.value === undefined || Number.isNaN(o.value) ? "" : o.value}
          onChange={(e) => o.onChange(Number.isFinite(e.target.valueAsNumber) ? e.target.valueAsNumber : undefined)}
        />
      )}
    </Field>
  );
}

/** One of a few, each with a line that explains it. Arrow keys move between them, as in every group of radios. */
export function Choices<T extends string>(o: {
  legend: string;
  value: T;
  onChange: (value: T) => void;
  options: readonly { readonly value: T; readonly label: ReactNode; readonly words?: string }[];
  columns?: boolean;
}) {
  const name = useId();
  return (
    <fieldset className="m-0 border-0 p-0">
      <legend className="mb-1 p-0 text-xs font-medium text-soft">{o.legend}</legend>
      <div className={`grid gap-1.5 ${o.columns ? "sm:grid-cols-2" : ""}`}>
        {o.options.map((option) => (
          <label
            key={option.value}
            className="flex cursor-pointer gap-2 rounded-md border border-line px-2.5 py-1.5 hover:bg-hover has-checked:border-accent has-checked:bg-accent-soft has-focus-visible:outline-2 has-focus-visible:outline-offset-2 has-focus-visible:outline-accent"
          >
            <input
              type="radio"
              name={name}
              value={option.value}
              checked={option.value === o.value}
              onChange={() => o.onChange(option.value)}
              className="mt-0.75 shrink-0 self-start accent-(--accent) focus-visible:outline-none"
            />
            <span className="min-w-0">
              <span className="block font-medium">{option.label}</span>
              {option.words && <span className="block text-xs text-soft">{option.words}</span>}
            </span>
          </label>
        ))}
      </div>
    </fieldset>
  );
}

/** Why somebody does something, which the ledger keeps. `asked`: it was tried without. */
export function ReasonField(o: {
  value: string;
  onChange: (reason: string) => void;
  maxLength: number;
  asked: boolean;
}) {
  return (
    <Field
      label="Reason"
      hint="Goes into the ledger with your name."
      error={o.asked && o.value.trim() === "" ? "Say why: the ledger keeps it." : undefined}
    >
      {(ids) => (
        <Textarea
          {...ids}
          value={o.value}
          maxLength={o.maxLength}
          required
          onChange={(event) => o.onChange(event.target.value)}
        />
      )}
    </Field>
  );
}
