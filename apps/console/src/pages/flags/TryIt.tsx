import { useQuery } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { api, project } from "../../api/client.ts";
import { keys } from "../../api/queries.ts";
import type { FlagView } from "../../api/types.ts";
import { Button } from "../../ui/Button.tsx";
import { Field, Input, Select } from "../../ui/Form.tsx";
import { Section } from "../../ui/Section.tsx";
import { ErrorPanel, Skeleton } from "../../ui/States.tsx";
import { Mono } from "../../ui/Text.tsx";
import { type Context, readAttributes } from "./attributes.ts";
import { ExplainedSteps } from "./ExplainedSteps.tsx";

/** What somebody would get, and why: which rule matched, and why not the earlier ones. */
export function TryIt({
  flag,
  environment: first,
  environments,
}: {
  flag: FlagView;
  environment: string;
  environments: string[];
}) {
  const [environment, setEnvironment] = useState(first);
  const [user, setUser] = useState("");
  const [text, setText] = useState("");
  const [asked, setAsked] = useState<{ environment: string; context: Context } | null>(null);
  const attributes = readAttributes(text);
  const q = useQuery({
    queryKey: [...keys.flag(flag.key), "explain", asked],
    queryFn: ({ signal }) =>
      api.explainFlag({
        params: { project, flag: flag.key },
        body: asked ?? { environment, context: {} },
        signal,
      }),
    enabled: asked !== null,
  });
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (typeof attributes === "string") return;
    setAsked({ environment, context: { ...attributes, ...(user ? { targetingKey: user } : {}) } });
  };
  return (
    <Section title="Try it" note="what somebody would get, and why">
      <div className="grid gap-6 md:grid-cols-2">
        <form onSubmit={submit} className="flex flex-col gap-3">
          <Field label="Environment">
            {(ids) => (
              <Select {...ids} value={environment} onChange={(e) => setEnvironment(e.target.value)}>
                {environments.map((name) => (
                  <option key={name}>{name}</option>
                ))}
              </Select>
            )}
          </Field>
          <Field label="User (targetingKey)">
            {(ids) => <Input {...ids} value={user} placeholder="u-17" onChange={(e) => setUser(e.target.value)} />}
          </Field>
          <Field
            label="Attributes"
            hint="One on each line: country = DE"
            error={typeof attributes === "string" ? attributes : undefined}
          >
            {(ids) => (
              <textarea
                {...ids}
                rows={3}
                value={text}
                className="w-full rounded-md border border-control bg-surface px-2.5 py-1.5 font-mono text-sm"
                onChange={(e) => setText(e.target.value)}
              />
            )}
          </Field>
          <div>
            <Button type="submit" kind="primary" busy={q.isFetching}>
              Ask
            </Button>
          </div>
        </form>
        <div aria-live="polite">
          {asked === null ? (
            <p className="m-0 text-muted">Say who asks.</p>
          ) : q.error ? (
            <ErrorPanel error={q.error} />
          ) : !q.data ? (
            <Skeleton rows={2} />
          ) : (
            <>
              <p className="m-0 text-lg">
                <strong>{q.data.variant ?? "no variant"}</strong>{" "}
                <Mono className="text-muted">{JSON.stringify(q.data.value)}</Mono>
              </p>
              <p className="mt-0 mb-2 text-xs text-muted">{q.data.errorCode ?? q.data.reason}</p>
              <ExplainedSteps steps={q.data.steps} />
            </>
          )}
        </div>
      </div>
    </Section>
  );
}
