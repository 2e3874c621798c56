import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { api, project, wordsOf } from "../../api/client.ts";
import { keys, queries } from "../../api/queries.ts";
import type { Freeze } from "../../api/types.ts";
import { Badge } from "../../ui/Badge.tsx";
import { Button } from "../../ui/Button.tsx";
import { Dialog } from "../../ui/Dialog.tsx";
import { Field, Input, Select } from "../../ui/Form.tsx";
import { moment } from "../../ui/format.ts";
import { useNow } from "../../ui/now.ts";
import { Section } from "../../ui/Section.tsx";
import { Empty, ErrorPanel, Skeleton } from "../../ui/States.tsx";
import { toast } from "../../ui/Toasts.tsx";
import { isHolding, placeOf } from "../../words.ts";

const HOUR_MS = 3_600_000;
/** Until tomorrow at this time, unless somebody knows better. */
const HOURS = 24;
const HOURS_MAX = 90 * 24;

function NewFreeze({ onClose }: { onClose: () => void }) {
  const client = useQueryClient();
  const services = useQuery(queries.services());
  const [service, setService] = useState("");
  const [environment, setEnvironment] = useState("");
  const [hours, setHours] = useState(HOURS);
  const [reason, setReason] = useState("");
  const [tried, setTried] = useState(false);
  const places = services.data?.items.find((s) => s.name === service)?.environments ?? [];
  const add = useMutation({
    mutationFn: () =>
      api.addFreeze({
        params: { project },
        body: {
          ...(service === "" ? {} : { service }),
          ...(environment === "" ? {} : { environment }),
          reason: reason.trim(),
          endsAt: new Date(Date.now() + hours * HOUR_MS).toISOString(),
        },
      }),
    onSuccess: async () => {
      toast.done("Frozen", reason.trim());
      onClose();
      await client.invalidateQueries({ queryKey: keys.freezes });
    },
  });
  const badHours = !(hours > 0 && hours <= HOURS_MAX);
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    setTried(true);
    if (!badHours && reason.trim() !== "") add.mutate();
  };
  return (
    <form onSubmit={submit} className="flex flex-col gap-4" noValidate>
      <Field label="Reason" error={tried && reason.trim() === "" ? "Say why: those who wait read it." : undefined}>
        {(ids) => (
          <Input {...ids} value={reason} maxLength={300} required onChange={(e) => setReason(e.target.value)} />
        )}
      </Field>
      <Field label="Service">
        {(ids) => (
          <Select
            {...ids}
            value={service}
            onChange={(e) => {
              setService(e.target.value);
              setEnvironment("");
            }}
          >
            <option value="">Every service</option>
            {(services.data?.items ?? []).map((s) => (
              <option key={s.name}>{s.name}</option>
            ))}
          </Select>
        )}
      </Field>
      <Field label="Environment">
        {(ids) => (
          <Select
            {...ids}
            value={environment}
            onChange={(e) => setEnvironment(e.target.value)}
            disabled={service === ""}
          >
            <option value="">Every environment</option>
            {places.map((place) => (
              <option key={place.name}>{place.name}</option>
            ))}
          </Select>
        )}
      </Field>
      <Field label="Hours from now" error={tried && badHours ? `More than 0, at most ${HOURS_MAX}.` : undefined}>
        {(ids) => (
          <Input
            {...ids}
            type="number"
            min={1}
            max={HOURS_MAX}
            value={hours}
            onChange={(e) => setHours(e.target.valueAsNumber)}
          />
        )}
      </Field>
      {add.error && (
        <p role="alert" className="m-0 rounded-md bg-bad-soft px-3 py-2 text-bad">
          {wordsOf(add.error)}
        </p>
      )}
      <div className="flex justify-end gap-2">
        <Button onClick={onClose}>Cancel</Button>
        <Button type="submit" kind="primary" busy={add.isPending}>
          Freeze
        </Button>
      </div>
    </form>
  );
}

function Lift({ freeze, onClose }: { freeze: Freeze; onClose: () => void }) {
  const client = useQueryClient();
  const lift = useMutation({
    mutationFn: () => api.liftFreeze({ params: { project, freezeId: freeze.id } }),
    onSuccess: async () => {
      toast.done("Ended", placeOf(freeze));
      onClose();
      await client.invalidateQueries({ queryKey: keys.freezes });
    },
    onError: (error) => toast.failed("The freeze was not ended", wordsOf(error)),
  });
  return (
    <div className="flex justify-end gap-2">
      <Button onClick={onClose}>Keep it</Button>
      <Button kind="primary" busy={lift.isPending} onClick={() => lift.mutate()}>
        End the freeze
      </Button>
    </div>
  );
}

/** Times in which nothing goes out. */
export function Freezes() {
  const freezes = useQuery(queries.freezes());
  const me = useQuery(queries.me());
  const now = useNow();
  const { dialog, lift } = useSearch({ from: "/shell/approvals" });
  const navigate = useNavigate({ from: "/approvals" });
  const go = (search: { dialog?: "freeze"; lift?: string }): void => void navigate({ search, resetScroll: false });
  const close = (): void => void navigate({ search: {}, replace: true, resetScroll: false });
  const items = freezes.data?.items ?? [];
  const chosen = items.find((freeze) => freeze.id === lift);
  const maySet = me.data?.principal.role === "owner" || me.data?.principal.role === "deployer";
  return (
    <Section
      title="Freezes"
      note="nothing new goes out; rollbacks always may"
      actions={
        maySet && (
          <Button size="small" onClick={() => go({ dialog: "freeze" })}>
            New freeze
          </Button>
        )
      }
      flush
    >
      {freezes.error ? (
        <ErrorPanel error={freezes.error} retry={() => void freezes.refetch()} />
      ) : !freezes.data ? (
        <Skeleton rows={1} />
      ) : items.length === 0 ? (
        <Empty title="No freeze">Set one before a launch, a holiday or while something is being mended.</Empty>
      ) : (
        <ul className="m-0 list-none divide-y divide-line p-0">
          {items.map((freeze) => (
            <li key={freeze.id} className="flex flex-wrap items-center gap-x-4 gap-y-1 px-4 py-2.5">
              <div className="min-w-0 flex-1 basis-56">
                <span className="flex flex-wrap items-center gap-2">
                  <span className="font-medium">{placeOf(freeze)}</span>
                  {isHolding(freeze, now) ? <Badge tone="warn">frozen</Badge> : <Badge tone="calm">planned</Badge>}
                </span>
                <span className="block text-xs break-words text-muted">
                  {freeze.reason} From {moment(freeze.beginsAt)} until {moment(freeze.endsAt)}, by {freeze.createdBy}.
                </span>
              </div>
              {maySet && (
                <Button
                  size="small"
                  onClick={() => go({ lift: freeze.id })}
                  aria-label={`End the freeze: ${freeze.reason}`}
                >
                  End it
                </Button>
              )}
            </li>
          ))}
        </ul>
      )}
      <Dialog
        open={dialog === "freeze"}
        onClose={close}
        title="New freeze"
        description="Deployments wait until it is over. Rollouts under way go on."
      >
        <NewFreeze onClose={close} />
      </Dialog>
      <Dialog
        open={chosen !== undefined}
        onClose={close}
        title="End this freeze?"
        description="What waited for it goes on at once."
      >
        {chosen && <Lift freeze={chosen} onClose={close} />}
      </Dialog>
    </Section>
  );
}
