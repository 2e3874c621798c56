import { useInfiniteQuery, useMutation, useQueryClient } from "@tanstack/react-query";
import { useId, useState } from "react";
import { api, project } from "../../api/client.ts";
import { insightKeys, insightQueries } from "../../api/insight-queries.ts";
import type { InsightCorrection, InsightDeployment } from "../../api/types.ts";
import { Dialog } from "../../ui/Dialog.tsx";
import { Choices, Field, Input } from "../../ui/Form.tsx";
import { ReasonForm } from "../../ui/ReasonForm.tsx";
import { CLAIM_WORDS, isOfIncident } from "./insight-words.ts";

type Claim = InsightCorrection["claim"];
const CLAIMS = Object.keys(CLAIM_WORDS) as Claim[];

/** Figures follow at once: a correction bears on all of them. */
function useCorrection<T>(act: (what: T) => Promise<unknown>, onDone: () => void) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: act,
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: insightKeys.all });
      onDone();
    },
  });
}

const DAY_MS = 86_400_000;
/** How far from a deployment an incident is looked for. */
const NEAR_MS = 30 * DAY_MS;

/** Incidents of its service in the days around it are proposed; any other can be named by its key. */
function IncidentField(o: { deployment: InsightDeployment; value: string; onChange: (incident: string) => void }) {
  const list = useId();
  const { service, at, incidents } = o.deployment;
  const near = useInfiniteQuery(
    insightQueries.incidents({
      service,
      from: new Date(Date.parse(at) - NEAR_MS).toISOString(),
      to: new Date(Date.parse(at) + NEAR_MS).toISOString(),
    }),
  );
  const found = near.data?.pages.flatMap((page) => page.items) ?? [];
  const others = incidents.filter((key) => !found.some((one) => one.key === key));
  return (
    <Field label="Incident" hint="Its key; those of the service around that day are proposed.">
      {(ids) => (
        <>
          <Input {...ids} value={o.value} list={list} onChange={(e) => o.onChange(e.target.value)} />
          <datalist id={list}>
            {others.map((key) => (
              <option key={key} value={key} />
            ))}
            {found.map((one) => (
              <option key={one.key} value={one.key}>
                {one.title}
              </option>
            ))}
          </datalist>
        </>
      )}
    </Field>
  );
}

/** Says of a deployment what the record does not know, with a reason that stays on record. */
export function CorrectDialog({ deployment: d, onClose }: { deployment: InsightDeployment; onClose: () => void }) {
  const [claim, setClaim] = useState<Claim>(d.failure ? "no_failure" : "failure");
  const [incident, setIncident] = useState(d.incidents[0] ?? "");
  const correct = useCorrection(
    (reason: string) =>
      api.correctInsight({
        params: { project },
        body: {
          ...{ claim, deployment: d.key, reason },
          ...(isOfIncident(claim) && incident.trim() ? { incident: incident.trim() } : {}),
        },
      }),
    onClose,
  );
  return (
    <Dialog
      open
      wide
      onClose={onClose}
      title="Correct this"
      description={`${d.service}, ${d.label}: what the record does not know. The facts stay as they were told.`}
    >
      <ReasonForm
        press="Put it on record"
        busy={correct.isPending}
        error={correct.error}
        onCancel={onClose}
        onSubmit={(reason) => correct.mutate(reason)}
      >
        <Choices
          legend="This deployment"
          value={claim}
          onChange={setClaim}
          columns
          options={CLAIMS.map((value) => ({ value, label: CLAIM_WORDS[value].name, words: CLAIM_WORDS[value].about }))}
        />
        {isOfIncident(claim) && <IncidentField deployment={d} value={incident} onChange={setIncident} />}
      </ReasonForm>
    </Dialog>
  );
}

/** Takes a correction back; both stay on record. */
export function WithdrawDialog({ correction: c, onClose }: { correction: InsightCorrection; onClose: () => void }) {
  const withdraw = useCorrection(
    (reason: string) => api.withdrawInsightCorrection({ params: { project, correctionKey: c.key }, body: { reason } }),
    onClose,
  );
  return (
    <Dialog
      open
      onClose={onClose}
      title="Take the correction back"
      description={`“${CLAIM_WORDS[c.claim].name}”, because: ${c.reason}. Both stay on record.`}
    >
      <ReasonForm
        press="Take it back"
        kind="danger"
        cancel="Keep it"
        busy={withdraw.isPending}
        error={withdraw.error}
        onCancel={onClose}
        onSubmit={(reason) => withdraw.mutate(reason)}
      />
    </Dialog>
  );
}
