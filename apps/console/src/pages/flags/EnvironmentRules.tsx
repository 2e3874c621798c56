import { conditionWords, variantWords } from "@latchkey/core/flags/words";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, type ReactNode, useState } from "react";
import { api, project } from "../../api/client.ts";
import { keys } from "../../api/queries.ts";
import type { FlagServe, FlagView } from "../../api/types.ts";
import { to } from "../../paths.ts";
import { Badge } from "../../ui/Badge.tsx";
import { Button } from "../../ui/Button.tsx";
import { Dialog } from "../../ui/Dialog.tsx";
import { Field, Input, ReasonField } from "../../ui/Form.tsx";
import { moment } from "../../ui/format.ts";
import { Section } from "../../ui/Section.tsx";
import { A } from "../../ui/Text.tsx";
import { toast } from "../../ui/Toasts.tsx";
import { sharesOf } from "./flag-words.ts";
import { LogicShown } from "./LogicShown.tsx";
import { Refusal } from "./ProposeInstead.tsx";

const COLORS = ["bg-[var(--series-1)]", "bg-line-strong", "bg-[var(--series-3)]", "bg-[var(--series-4)]"];

/** Who gets what, as a bar; the list below it says the same in words. */
function ServeBar({ serve }: { serve: FlagServe }) {
  if (serve.kind === "logic") return <LogicShown serve={serve} />;
  const shares = sharesOf(serve);
  return (
    <div className="flex flex-col gap-1">
      <div className="flex h-2.5 overflow-hidden rounded-full bg-sunken" aria-hidden>
        {shares.map((share, i) => (
          <div key={share.name} className={COLORS[i % COLORS.length]} style={{ width: `${share.percent}%` }} />
        ))}
      </div>
      <ul className="m-0 flex list-none flex-wrap gap-x-4 gap-y-1 p-0 text-xs">
        {shares.map((share, i) => (
          <li key={share.name} className="flex items-center gap-1.5">
            <span className={`size-2 rounded-full ${COLORS[i % COLORS.length]}`} aria-hidden />
            {share.name} {Number(share.percent.toFixed(3))} %
          </li>
        ))}
      </ul>
      {serve.kind !== "variant" && <span className="text-xs text-muted">by {serve.by}</span>}
    </div>
  );
}

type Asked = { kind: "switch" } | { kind: "rollout"; rule: string; percent: number };

/** A change that is asked for with a reason. */
function Ask(o: { flag: FlagView; environment: string; asked: Asked; onClose: () => void }) {
  const { flag, environment, asked } = o;
  const client = useQueryClient();
  const [reason, setReason] = useState("");
  const [percent, setPercent] = useState(asked.kind === "rollout" ? asked.percent : 0);
  const [tried, setTried] = useState(false);
  const isEnabled = flag.environments.find((place) => place.name === environment)?.isEnabled ?? false;
  const state = flag.rollouts.find(
    (one) => asked.kind === "rollout" && one.rule === asked.rule && one.environment === environment,
  )?.state;
  const params = { project, flag: flag.key };
  const moveOf = (move: "held" | "killed" | "running" | undefined) =>
    move ? { state: move } : { percent, ...(state === "killed" ? { state: "running" as const } : {}) };
  const change = useMutation({
    mutationFn: (move?: "held" | "killed" | "running") =>
      asked.kind === "switch"
        ? api.switchFlag({ params, body: { environment, isEnabled: !isEnabled, reason: reason.trim() } })
        : api.moveRollout({
            params,
            body: {
              ...{ environment, rule: asked.rule, reason: reason.trim() },
              ...moveOf(move),
            },
          }),
    onSuccess: async () => {
      toast.done("Done", `${flag.key} in ${environment}`);
      o.onClose();
      await client.invalidateQueries({ queryKey: keys.flags });
    },
  });
  const badPercent = !(percent >= 0 && percent <= 100);
  const go = (move?: "held" | "killed" | "running"): void => {
    setTried(true);
    if (reason.trim() !== "" && (move || !badPercent)) change.mutate(move);
  };
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    go();
  };
  return (
    <form onSubmit={submit} className="flex flex-col gap-4" noValidate>
      {asked.kind === "rollout" && (
        <Field label="Percent of the users" error={tried && badPercent ? "From 0 to 100." : undefined}>
          {(ids) => (
            <div className="flex items-center gap-3">
              <input
                type="range"
                aria-label="Percent, as a slider"
                min={0}
                max={100}
                value={Number.isFinite(percent) ? percent : 0}
                className="min-w-0 flex-1"
                onChange={(e) => setPercent(e.target.valueAsNumber)}
              />
              <Input
                {...ids}
                type="number"
                min={0}
                max={100}
                step="any"
                value={percent}
                className="w-24"
                onChange={(e) => setPercent(e.target.valueAsNumber)}
              />
            </div>
          )}
        </Field>
      )}
      <ReasonField value={reason} onChange={setReason} maxLength={300} asked={tried} />
      {change.error && (
        <Refusal
          error={change.error}
          of={{
            flag: flag.key,
            change:
              asked.kind === "switch"
                ? { kind: "switch", environment, isEnabled: !isEnabled }
                : { kind: "rollout", environment, rule: asked.rule, ...moveOf(change.variables) },
          }}
          reason={reason}
          onDone={o.onClose}
        />
      )}
      <div className="flex flex-wrap justify-end gap-2">
        {asked.kind === "rollout" && state !== "killed" && (
          <>
            <Button kind="danger" busy={change.isPending} onClick={() => go("killed")}>
              Kill it
            </Button>
            <Button busy={change.isPending} onClick={() => go(state === "held" ? "running" : "held")}>
              {state === "held" ? "Resume it" : "Hold it"}
            </Button>
          </>
        )}
        <Button type="submit" kind="primary" busy={change.isPending}>
          {asked.kind === "rollout"
            ? "Move it"
            : isEnabled
              ? `Turn off in ${environment}`
              : `Turn on in ${environment}`}
        </Button>
      </div>
    </form>
  );
}

/** A flag in one environment: its switch, and its rules in the order in which they are asked. */
export function EnvironmentRules(o: { flag: FlagView; environment: string; mayWrite: boolean }) {
  const { flag, environment, mayWrite } = o;
  const [asked, setAsked] = useState<Asked | null>(null);
  const rules = flag.definition.environments?.[environment];
  const place = flag.environments.find((one) => one.name === environment);
  if (!rules || !place) return null;
  const standing = (rule: string) => flag.rollouts.find((one) => one.environment === environment && one.rule === rule);
  const now = (rule: string, serve: FlagServe): FlagServe => {
    const state = standing(rule);
    if (!state || serve.kind !== "rollout") return serve;
    return state.state === "killed"
      ? { kind: "variant", variant: serve.against }
      : { ...serve, percent: state.percent };
  };
  const row = (rule: string, serve: FlagServe, words: ReactNode) => {
    const state = standing(rule);
    return (
      <li key={rule} className="grid gap-x-6 gap-y-2 px-4 py-3 md:grid-cols-[minmax(0,1fr)_minmax(0,18rem)_auto]">
        <div className="min-w-0 break-words">
          {words}
          {state && (
            <span className="block text-xs text-muted">
              {state.words}, since {moment(state.since)}
            </span>
          )}
        </div>
        <ServeBar serve={now(rule, serve)} />
        {mayWrite && serve.kind === "rollout" && (
          <Button
            size="small"
            aria-label={`Move the rollout of ${rule} in ${environment}`}
            onClick={() => setAsked({ kind: "rollout", rule, percent: state?.percent ?? serve.percent })}
          >
            Move
          </Button>
        )}
      </li>
    );
  };
  const last = rules.rules?.length ? "Everybody else" : "Everybody";
  return (
    <Section
      title={environment}
      note={place.isEnabled ? <Badge tone="good">on</Badge> : <Badge tone="calm">off</Badge>}
      flush
      actions={
        mayWrite && (
          <Button
            size="small"
            kind={place.isEnabled ? "danger" : "plain"}
            aria-label={place.isEnabled ? `Turn off in ${environment}…` : `Turn on in ${environment}…`}
            onClick={() => setAsked({ kind: "switch" })}
          >
            {place.isEnabled ? "Turn off" : "Turn on"}
          </Button>
        )
      }
    >
      {!place.isEnabled && (
        <p className="m-0 border-b border-line bg-sunken px-4 py-2 text-soft">
          Everybody gets <strong>{variantWords(rules.off)}</strong>. The rules below hold once it is on.
        </p>
      )}
      {(rules.prerequisites ?? []).map((one) => (
        <p key={one.flag} className="m-0 border-b border-line px-4 py-2 text-soft">
          Only where <A href={to.flag(one.flag)}>{one.flag}</A> is {one.variants.join(" or ")}.
        </p>
      ))}
      <ol className={`m-0 list-none divide-y divide-line p-0 ${place.isEnabled ? "" : "opacity-70"}`}>
        {(rules.rules ?? []).map((rule) =>
          row(
            rule.id,
            rule.serve,
            <>
              <span className="font-medium">{conditionWords(rule.when)}</span>
              {rule.description && <span className="block text-xs text-muted">{rule.description}</span>}
              {(rule.from || rule.until) && (
                <span className="block text-xs text-muted">
                  {rule.from && `from ${moment(rule.from)}`} {rule.until && `until ${moment(rule.until)}`}
                </span>
              )}
            </>,
          ),
        )}
        {row("otherwise", rules.otherwise, <span className="font-medium">{last}</span>)}
      </ol>
      <Dialog
        open={asked !== null}
        onClose={() => setAsked(null)}
        title={
          asked?.kind === "rollout"
            ? `Move the rollout in ${environment}`
            : place.isEnabled
              ? `Turn ${flag.key} off?`
              : `Turn ${flag.key} on?`
        }
        description={
          asked?.kind === "rollout"
            ? "Who has it keeps it while it grows. Killed, everybody gets what it is compared with."
            : place.isEnabled
              ? `In ${environment} everybody gets ${variantWords(rules.off)}, within a second.`
              : `In ${environment} its rules decide who gets what.`
        }
      >
        {asked && <Ask flag={flag} environment={environment} asked={asked} onClose={() => setAsked(null)} />}
      </Dialog>
    </Section>
  );
}
