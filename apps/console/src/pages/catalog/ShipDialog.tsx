import { useInfiniteQuery, useMutation } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { ApiError, api, project, wordsOf } from "../../api/client.ts";
import { queries } from "../../api/queries.ts";
import type { Service } from "../../api/types.ts";
import { to } from "../../paths.ts";
import { Button } from "../../ui/Button.tsx";
import { Dialog } from "../../ui/Dialog.tsx";
import { Choices, Field, Input, Select } from "../../ui/Form.tsx";
import { firstLine } from "../../ui/format.ts";
import { toast } from "../../ui/Toasts.tsx";
import { FAULTS, STRATEGY_WORDS } from "../../words.ts";

type Busy = "refuse" | "batch" | "queue" | "supersede";
type Kind = keyof typeof STRATEGY_WORDS;
type What = "build" | "existing";

const BUSY: readonly { value: Busy; label: string; words: string }[] = [
  { value: "refuse", label: "Refuse", words: "Do nothing and say so." },
  { value: "batch", label: "Batch", words: "Wait, and go out in one rollout with the changes that wait too." },
  { value: "queue", label: "Queue", words: "Wait until the one under way has ended, and go out alone." },
  { value: "supersede", label: "Supersede", words: "End the one under way in favour of this." },
];

export function ShipDialog({ service, open, onClose }: { service: Service; open: boolean; onClose: () => void }) {
  return (
    <Dialog
      open={open}
      onClose={onClose}
      title={`Ship ${service.name}`}
      description="Build, pass the gates, then a rollout that is judged all along."
      wide
    >
      {open && <ShipForm service={service} onClose={onClose} />}
    </Dialog>
  );
}

function useShip(service: Service, onClose: () => void) {
  const navigate = useNavigate();
  return useMutation({
    mutationFn: (body: Parameters<typeof api.ship>[0]["body"]) =>
      api.ship({ params: { project, service: service.name }, body }),
    onSuccess: (d) => {
      toast.done("On its way", d.words);
      onClose();
      void navigate({ href: to.deployment(d.id) });
    },
  });
}

function ExistingRelease(o: {
  service: Service;
  value: string;
  onChange: (id: string) => void;
  error: string | undefined;
}) {
  const releases = useInfiniteQuery(queries.releases(o.service.name));
  const items = releases.data?.pages.flatMap((p) => p.items) ?? [];
  const serving = new Set(o.service.environments.flatMap((e) => (e.serving ? [e.serving.id] : [])));
  const known = o.value === "" || items.some((r) => r.id === o.value);
  return (
    <Field
      label="Release"
      hint="An older one is a rollback: it is judged like any other, and nothing is built."
      error={o.error}
    >
      {(ids) => (
        <Select {...ids} value={o.value} onChange={(e) => o.onChange(e.target.value)}>
          <option value="">Choose one</option>
          {!known && <option value={o.value}>{o.value}</option>}
          {items.map((r) => (
            <option key={r.id} value={r.id}>
              #{r.number} {firstLine(r.message).slice(0, 60)}
              {r.fault && r.fault !== "none" ? ` (rehearsal: ${r.fault})` : ""}
              {serving.has(r.id) ? " (serves now)" : ""}
            </option>
          ))}
        </Select>
      )}
    </Field>
  );
}

function ShipForm({ service, onClose }: { service: Service; onClose: () => void }) {
  const search = useSearch({ from: "/shell/services/$service" });
  const environments = service.environments.map((e) => e.name);
  const [environment, setEnvironment] = useState(search.environment ?? environments[0] ?? "production");
  const [what, setWhat] = useState<What>(search.release ? "existing" : "build");
  const [release, setRelease] = useState(search.release ?? "");
  const [fault, setFault] = useState("");
  const [strategy, setStrategy] = useState<Kind | "">("");
  const [reason, setReason] = useState("");
  const [ifBusy, setIfBusy] = useState<Busy>("refuse");
  const [tried, setTried] = useState(false);
  const ship = useShip(service, onClose);
  const busy = service.environments.find((e) => e.name === environment)?.rolloutId;
  const missing = what === "existing" && release === "";

  const submit = (event: FormEvent): void => {
    event.preventDefault();
    setTried(true);
    if (missing) return;
    ship.mutate({
      environment,
      reason,
      ifBusy,
      ...(what === "existing" ? { releaseId: release } : fault ? { fault } : {}),
      ...(strategy ? { strategy } : {}),
    });
  };

  return (
    <form onSubmit={submit} className="flex flex-col gap-4" noValidate>
      <Choices
        legend="What"
        value={what}
        onChange={setWhat}
        columns
        options={[
          { value: "build", label: "The working tree", words: "Built now into a new release." },
          { value: "existing", label: "A release that exists", words: "To go back, or to try again." },
        ]}
      />
      {what === "existing" ? (
        <ExistingRelease
          service={service}
          value={release}
          onChange={setRelease}
          error={tried && missing ? "Choose the release to roll out." : undefined}
        />
      ) : (
        <Choices legend="Rehearse a fault" value={fault} onChange={setFault} columns options={FAULTS} />
      )}
      <div className="grid gap-4 sm:grid-cols-2">
        <Field label="Environment">
          {(ids) => (
            <Select {...ids} value={environment} onChange={(e) => setEnvironment(e.target.value)}>
              {environments.map((name) => (
                <option key={name}>{name}</option>
              ))}
            </Select>
          )}
        </Field>
        <Field label="Strategy">
          {(ids) => (
            <Select {...ids} value={strategy} onChange={(e) => setStrategy(e.target.value as Kind | "")}>
              <option value="">As configured: {STRATEGY_WORDS[service.config.strategy.kind].name}</option>
              {Object.entries(STRATEGY_WORDS).map(([kind, { name, words }]) => (
                <option key={kind} value={kind}>
                  {name}: {words}
                </option>
              ))}
            </Select>
          )}
        </Field>
      </div>
      <Field label="Reason" hint="Optional. Goes into the ledger with your name.">
        {(ids) => <Input {...ids} value={reason} maxLength={500} onChange={(e) => setReason(e.target.value)} />}
      </Field>
      {busy && (
        <Choices legend={`${environment} has a rollout under way`} value={ifBusy} onChange={setIfBusy} options={BUSY} />
      )}
      {ship.error && <Refused error={ship.error} />}
      <div className="flex justify-end gap-2">
        <Button onClick={onClose}>Cancel</Button>
        <Button type="submit" kind="primary" busy={ship.isPending}>
          Ship to {environment}
        </Button>
      </div>
    </form>
  );
}

function Refused({ error }: { error: unknown }) {
  const id = error instanceof ApiError ? error.problem.requestId : "";
  return (
    <div role="alert" className="rounded-md bg-bad-soft px-3 py-2 text-bad">
      {wordsOf(error)}
      {id && <span className="block text-xs break-all">Request {id}</span>}
    </div>
  );
}
