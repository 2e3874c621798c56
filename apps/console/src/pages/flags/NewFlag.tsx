import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { api, project, wordsOf } from "../../api/client.ts";
import { keys, queries } from "../../api/queries.ts";
import { to } from "../../paths.ts";
import { Button } from "../../ui/Button.tsx";
import { Choices, Field, Input } from "../../ui/Form.tsx";

const KEY = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;
type Kind = "boolean" | "string" | "number";

/** Values as lines `name = value`. */
function readVariants(kind: Kind, text: string): Record<string, string | number | boolean> | string {
  if (kind === "boolean") return { on: true, off: false };
  const found: Record<string, string | number> = {};
  for (const line of text.split("\n").filter((one) => one.trim() !== "")) {
    const at = line.indexOf("=");
    const name = line.slice(0, at).trim();
    const value = line.slice(at + 1).trim();
    if (at <= 0 || !/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name)) return `“${line.trim()}”: write name = value.`;
    if (kind === "number" && (value === "" || !Number.isFinite(Number(value))))
      return `${name}: “${value}” is no number.`;
    found[name] = kind === "number" ? Number(value) : value;
  }
  return Object.keys(found).length < 2 ? "Give at least two, one on each line." : found;
}

export function NewFlag({ onClose }: { onClose: () => void }) {
  const client = useQueryClient();
  const navigate = useNavigate();
  const services = useQuery(queries.services());
  const [key, setKey] = useState("");
  const [about, setAbout] = useState("");
  const [owner, setOwner] = useState("");
  const [kind, setKind] = useState<Kind>("boolean");
  const [variants, setVariants] = useState("blue = blue\ngrey = grey");
  const [isPublic, setPublic] = useState(false);
  const [tried, setTried] = useState(false);
  const values = readVariants(kind, variants);
  const places = [...new Set((services.data?.items ?? []).flatMap((s) => s.environments.map((e) => e.name)))];
  const create = useMutation({
    mutationFn: () => {
      const named = typeof values === "string" ? {} : values;
      const names = Object.keys(named);
      const [first = "on", last = "off"] = [names[0], names.at(-1)];
      const rules = { isEnabled: false, off: last, otherwise: { kind: "variant" as const, variant: first } };
      const environments = places.length > 0 ? places : ["production"];
      return api.putFlag({
        params: { project, flag: key },
        body: {
          definition: {
            ...{ type: kind, variants: named, description: about.trim(), owner: owner.trim(), isPublic },
            environments: Object.fromEntries(environments.map((name) => [name, rules])),
          },
          ...{ manager: "console" as const, ifVersion: 0, reason: "created" },
        },
      });
    },
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: keys.flags });
      onClose();
      void navigate({ to: to.flag(key) });
    },
  });
  const badKey = !KEY.test(key);
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    setTried(true);
    if (!badKey && typeof values !== "string") create.mutate();
  };
  return (
    <form onSubmit={submit} className="flex flex-col gap-4" noValidate>
      <Field
        label="Key"
        hint="What code asks for. It stays for ever."
        error={tried && badKey ? "Letters, digits and . _ -, such as new-lead-form." : undefined}
      >
        {(ids) => (
          <Input
            {...ids}
            value={key}
            placeholder="new-lead-form"
            maxLength={100}
            onChange={(e) => setKey(e.target.value)}
          />
        )}
      </Field>
      <Field label="What it is for">
        {(ids) => <Input {...ids} value={about} maxLength={1_000} onChange={(e) => setAbout(e.target.value)} />}
      </Field>
      <Field label="Owner" hint="A team or a person: who is asked when it is forgotten.">
        {(ids) => <Input {...ids} value={owner} maxLength={100} onChange={(e) => setOwner(e.target.value)} />}
      </Field>
      <Choices
        legend="Values"
        value={kind}
        onChange={setKind}
        options={[
          { value: "boolean", label: "On or off" },
          { value: "string", label: "One of several texts" },
          { value: "number", label: "One of several numbers" },
        ]}
      />
      {kind !== "boolean" && (
        <Field
          label="Variants"
          hint="One on each line. The first is served when the flag is on, the last while it is off."
          error={tried && typeof values === "string" ? values : undefined}
        >
          {(ids) => (
            <textarea
              {...ids}
              value={variants}
              rows={3}
              className="w-full rounded-md border border-control bg-surface px-2.5 py-1.5 font-mono text-sm"
              onChange={(e) => setVariants(e.target.value)}
            />
          )}
        </Field>
      )}
      <label className="flex items-start gap-2">
        <input type="checkbox" className="mt-1" checked={isPublic} onChange={(e) => setPublic(e.target.checked)} />
        <span>
          Browsers are given its value
          <span className="block text-xs text-muted">Only the value: never the rules, never what others get.</span>
        </span>
      </label>
      {create.error && (
        <p role="alert" className="m-0 rounded-md bg-bad-soft px-3 py-2 text-bad">
          {wordsOf(create.error)}
        </p>
      )}
      <div className="flex justify-end gap-2">
        <Button onClick={onClose}>Cancel</Button>
        <Button type="submit" kind="primary" busy={create.isPending}>
          Create
        </Button>
      </div>
    </form>
  );
}
