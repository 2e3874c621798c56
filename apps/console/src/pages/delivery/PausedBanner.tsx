import { useMutation, useQueryClient } from "@tanstack/react-query";
import { CircleAlert } from "lucide-react";
import { useState } from "react";
import { api, project, wordsOf } from "../../api/client.ts";
import { keys } from "../../api/queries.ts";
import type { Pause } from "../../api/types.ts";
import { Button } from "../../ui/Button.tsx";
import { Input } from "../../ui/Form.tsx";
import { plural } from "../../ui/format.ts";
import { Ago } from "../../ui/Text.tsx";
import { toast } from "../../ui/Toasts.tsx";

/** After a rollback: nothing is deployed here by itself until a person says so. */
export function PausedBanner({ pause: p, readOnly }: { pause: Pause; readOnly: boolean }) {
  const [reason, setReason] = useState("");
  const client = useQueryClient();
  const resume = useMutation({
    mutationFn: () =>
      api.resumeDeployments({
        params: { project, service: p.service },
        body: { environment: p.environment, reason: reason.trim() },
      }),
    onSuccess: (answer) => {
      void client.invalidateQueries({ queryKey: keys.pauses });
      toast.done("Deployments resumed", answer.words);
    },
    onError: (error) => toast.failed("Deployments are still paused", wordsOf(error)),
  });
  return (
    <section
      aria-label={`Deployments of ${p.service} to ${p.environment} are paused`}
      className="rounded-lg border border-line bg-warn-soft px-4 py-3"
    >
      <div className="flex gap-3">
        <CircleAlert size={16} className="mt-0.5 shrink-0 text-warn" aria-hidden />
        <div className="min-w-0">
          <div className="font-medium">
            Deployments of {p.service} to {p.environment} are paused
          </div>
          <p className="m-0 text-soft">
            {p.pausedBy} went back{p.leftRelease && ` from release #${p.leftRelease.number}`} <Ago at={p.since} />:{" "}
            {p.reason} Merges and pipelines wait ({plural(p.waiting, "deployment")}).
          </p>
        </div>
      </div>
      {!readOnly && (
        <form
          className="mt-2 flex flex-wrap gap-2"
          onSubmit={(event) => {
            event.preventDefault();
            if (reason.trim() !== "") resume.mutate();
          }}
        >
          <Input
            aria-label="Reason to resume"
            placeholder="Why it is safe again"
            value={reason}
            required
            maxLength={500}
            onChange={(event) => setReason(event.target.value)}
            className="max-w-80"
          />
          <Button type="submit" busy={resume.isPending}>
            Resume deployments
          </Button>
        </form>
      )}
    </section>
  );
}
