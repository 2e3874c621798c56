import { useQuery } from "@tanstack/react-query";
import { useDeferredValue, useState } from "react";
import { api, project } from "../../../api/client.ts";
import { keys } from "../../../api/queries.ts";
import type { FlagView } from "../../../api/types.ts";
import { Field, Input, Textarea } from "../../../ui/Form.tsx";
import { Section } from "../../../ui/Section.tsx";
import { Skeleton } from "../../../ui/States.tsx";
import { readAttributes } from "../attributes.ts";
import { ExplainedSteps } from "../ExplainedSteps.tsx";
import type { Draft } from "./draft.ts";
import { LastWeek } from "./LastWeek.tsx";

/** What one user would get by the draft, beside what they get now; and how many of last week's users it changes. */
export function DraftPreview({ flag, draft, environment }: { flag: FlagView; draft: Draft; environment: string }) {
  const [user, setUser] = useState("u-1");
  const [text, setText] = useState("");
  const attributes = readAttributes(text);
  const rules = draft.environments[environment];
  // As it is once it is on: an editor who is told "it is off" learns nothing of the rules.
  const asIfOn = useDeferredValue(
    rules ? { ...draft, environments: { ...draft.environments, [environment]: { ...rules, isEnabled: true } } } : draft,
  );
  const context = useDeferredValue({
    ...(typeof attributes === "string" ? {} : attributes),
    ...(user ? { targetingKey: user } : {}),
  });
  const explained = (definition: Draft | undefined) => ({
    queryKey: [...keys.flag(flag.key), "explain", environment, context, definition ?? null],
    queryFn: ({ signal }: { signal: AbortSignal }) =>
      api.explainFlag({
        params: { project, flag: flag.key },
        body: { environment, context, ...(definition ? { definition } : {}) },
        signal,
      }),
    placeholderData: <T,>(old: T) => old,
    retry: false,
    gcTime: 0,
  });
  const [now, then] = [useQuery(explained(undefined)), useQuery(explained(asIfOn))];
  return (
    <Section title="Who gets it" note={rules?.isEnabled ? environment : `${environment}, once it is on`}>
      <div className="flex flex-col gap-4">
        <Field label="User (targetingKey)">
          {(ids) => <Input {...ids} value={user} onChange={(e) => setUser(e.target.value)} />}
        </Field>
        <Field
          label="Attributes"
          hint="One on each line: country = DE"
          error={typeof attributes === "string" ? attributes : undefined}
        >
          {(ids) => (
            <Textarea {...ids} rows={3} className="font-mono" value={text} onChange={(e) => setText(e.target.value)} />
          )}
        </Field>
        <div aria-live="polite" className="min-h-16">
          {then.error ? (
            <p className="m-0 text-bad">Not complete yet: {then.error.message}</p>
          ) : !then.data ? (
            <Skeleton rows={2} />
          ) : (
            <>
              <p className="m-0">
                <strong className="text-lg">{then.data.variant ?? "no variant"}</strong>
                {now.data && now.data.variant !== then.data.variant && (
                  <span className="text-muted"> now: {now.data.variant ?? "no variant"}</span>
                )}
              </p>
              <ExplainedSteps steps={then.data.steps} />
            </>
          )}
        </div>
        <LastWeek flag={flag} draft={asIfOn} environment={environment} />
      </div>
    </Section>
  );
}
