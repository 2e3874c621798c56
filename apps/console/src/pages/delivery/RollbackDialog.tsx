import type { Answer } from "@latchkey/api/client";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { api, project, wordsOf } from "../../api/client.ts";
import { keys, queries } from "../../api/queries.ts";
import { Button } from "../../ui/Button.tsx";
import { Dialog } from "../../ui/Dialog.tsx";
import { Field, ReasonField, Select } from "../../ui/Form.tsx";
import { firstLine } from "../../ui/format.ts";
import { ErrorPanel, Skeleton } from "../../ui/States.tsx";
import { toast } from "../../ui/Toasts.tsx";

export interface Place {
  readonly service: string;
  readonly environment: string;
  /** Chosen already; the release before when it is left out. */
  readonly releaseId?: string;
}

/** Back to any of the last releases that served: first what it would undo, then the reason. */
export function RollbackDialog({ place, onClose }: { place: Place | null; onClose: () => void }) {
  return (
    <Dialog
      open={place !== null}
      onClose={onClose}
      title={place ? `Roll back ${place.service} in ${place.environment}` : ""}
      description="An earlier release serves again. Merges and pipelines wait afterwards, until you resume them."
    >
      {place && (
        <Ask key={`${place.service}/${place.environment}/${place.releaseId ?? ""}`} place={place} onClose={onClose} />
      )}
    </Dialog>
  );
}

type Item = NonNullable<Answer<"planRollback">["flags"]>["items"][number];
const changeWords = (change: Item["changes"][number]): string =>
  `${change.path}: ${JSON.stringify(change.before)} to ${JSON.stringify(change.after)}`;
const flagLines = (environment: string, { flag, isPutBack, words, changes }: Item): string[] => [
  ...changes.map((change) => `${flag}: ${changeWords(change).replace(`environments.${environment}.`, "")}`),
  ...(words ? [`${flag}${isPutBack ? "" : " stays"}: ${words}`] : []),
];

/** What a rollback takes back beside the release, when that is wished. */
function Along(props: {
  readonly label: string;
  readonly checked: boolean;
  readonly onChange: (checked: boolean) => void;
  readonly lines: readonly string[];
}) {
  return (
    <div className="text-xs">
      <label className="flex items-start gap-2 text-sm">
        <input
          type="checkbox"
          className="mt-1"
          checked={props.checked}
          onChange={(event) => props.onChange(event.target.checked)}
        />
        <span>{props.label}</span>
      </label>
      <ul
        className="m-0 mt-1 max-h-40 overflow-y-auto pl-4 text-muted"
        aria-label={`What that changes: ${props.label}`}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard.
        tabIndex={0}
      >
        {props.lines.map((line) => (
          <li key={line} className="break-words">
            {line}
          </li>
        ))}
      </ul>
    </div>
  );
}

function Ask({ place, onClose }: { place: Place; onClose: () => void }) {
  const [releaseId, setReleaseId] = useState(place.releaseId ?? "");
  const [reason, setReason] = useState("");
  const [withConfiguration, setWithConfiguration] = useState(false);
  const [withFlags, setWithFlags] = useState(false);
  const [tried, setTried] = useState(false);
  const plan = useQuery(queries.rollbackPlan(place.service, place.environment, releaseId));
  const configuration = plan.data?.configuration;
  const flags = plan.data?.flags?.items ?? [];
  const client = useQueryClient();
  const act = useMutation({
    mutationFn: (target: string) =>
      api.rollBack({
        params: { project, service: place.service },
        body: {
          environment: place.environment,
          reason: reason.trim(),
          releaseId: target,
          withConfiguration: withConfiguration && (configuration?.length ?? 0) > 0,
          ...(withFlags && flags.some((item) => item.isPutBack)
            ? { withFlags, flagVersions: Object.fromEntries(flags.map((item) => [item.flag, item.version])) }
            : {}),
        },
      }),
    onSuccess: (made) => {
      for (const queryKey of [keys.pauses, keys.deployments(), keys.services])
        void client.invalidateQueries({ queryKey });
      toast.done("Going back", `${made.service} in ${made.environment}. ${made.flags?.words ?? ""}`.trim());
      onClose();
    },
    onError: (error) => toast.failed("It was not rolled back", wordsOf(error)),
  });
  if (plan.error) return <ErrorPanel error={plan.error} retry={() => void plan.refetch()} />;
  if (!plan.data) return <Skeleton rows={4} />;
  const { target, words, undoes, changes, cautions, candidates } = plan.data;
  if (!target) return <p className="m-0 text-soft">{words}</p>;
  const missing = reason.trim() === "";
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    setTried(true);
    if (!missing) act.mutate(target.id);
  };
  return (
    <form onSubmit={submit} className="flex flex-col gap-4" noValidate>
      <Field label="Back to">
        {(ids) => (
          <Select {...ids} value={target.id} onChange={(event) => setReleaseId(event.target.value)}>
            {candidates.some((c) => c.release.id === target.id) || <option value={target.id}>#{target.number}</option>}
            {candidates.map((c) => (
              <option key={c.release.id} value={c.release.id} disabled={!c.filesKept}>
                #{c.release.number} {firstLine(c.release.message)} {c.inWindow ? "(all at once)" : "(judged)"}
              </option>
            ))}
          </Select>
        )}
      </Field>
      <div className="text-soft" aria-live="polite">
        <p className="m-0">{words}</p>
        {undoes.length > 0 && <p className="m-0">It undoes release {undoes.map((r) => `#${r.number}`).join(", ")}.</p>}
        {changes.length > 0 && (
          <ul className="m-0 mt-2 max-h-40 overflow-y-auto pl-4 text-xs">
            {changes.map((c) => (
              <li key={c.commit}>
                {firstLine(c.message)} ({c.author})
              </li>
            ))}
          </ul>
        )}
        {cautions.map((caution) => (
          <p key={caution} className="m-0 mt-2 text-xs text-warn">
            {caution}
          </p>
        ))}
      </div>
      {configuration && configuration.length > 0 && (
        <Along
          label="Apply the configuration of then again"
          checked={withConfiguration}
          onChange={setWithConfiguration}
          lines={configuration.map(changeWords)}
        />
      )}
      {flags.some((item) => item.isPutBack) && (
        <Along
          label="Put back the flags that were changed since the rollout began"
          checked={withFlags}
          onChange={setWithFlags}
          lines={flags.flatMap((item) => flagLines(place.environment, item))}
        />
      )}
      <ReasonField value={reason} onChange={setReason} maxLength={500} asked={tried} />
      <div className="flex justify-end gap-2">
        <Button onClick={onClose}>Cancel</Button>
        <Button type="submit" kind="danger" busy={act.isPending}>
          Roll back to #{target.number}
        </Button>
      </div>
    </form>
  );
}
