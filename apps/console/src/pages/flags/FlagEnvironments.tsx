import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, project } from "../../api/client.ts";
import { keys, queries } from "../../api/queries.ts";
import { to } from "../../paths.ts";
import { Button, LinkButton } from "../../ui/Button.tsx";
import { Dialog } from "../../ui/Dialog.tsx";
import { ReasonForm } from "../../ui/ReasonForm.tsx";
import { Section } from "../../ui/Section.tsx";
import { Empty, ErrorPanel, Skeleton } from "../../ui/States.tsx";
import { toast } from "../../ui/Toasts.tsx";

interface Place {
  readonly name: string;
  readonly needsApproval: boolean;
}

function Protect({ place, onClose }: { place: Place; onClose: () => void }) {
  const client = useQueryClient();
  const save = useMutation({
    mutationFn: (reason: string) =>
      api.putFlagEnvironment({
        params: { project, environment: place.name },
        body: { needsApproval: !place.needsApproval, reason },
      }),
    onSuccess: async () => {
      toast.done(place.needsApproval ? "No longer protected" : "Protected", place.name);
      onClose();
      await client.invalidateQueries({ queryKey: keys.flags });
    },
  });
  return (
    <ReasonForm
      press={place.needsApproval ? "Let one person change them" : "Ask for a second person"}
      busy={save.isPending}
      error={save.error}
      onCancel={onClose}
      onSubmit={(reason) => save.mutate(reason)}
    />
  );
}

/** In which environments changes of flags need a second person. */
export function FlagEnvironments() {
  const q = useQuery(queries.flagEnvironments());
  const me = useQuery(queries.me());
  const [asked, setAsked] = useState<Place | null>(null);
  const close = (): void => setAsked(null);
  return (
    <Section
      title="Environments"
      note="where a second person has to agree"
      flush
      actions={
        (q.data?.items.length ?? 0) > 1 && (
          <LinkButton size="small" href={to.compareFlags()}>
            Compare
          </LinkButton>
        )
      }
    >
      {q.error ? (
        <ErrorPanel error={q.error} retry={() => void q.refetch()} />
      ) : !q.data ? (
        <Skeleton rows={1} />
      ) : q.data.items.length === 0 ? (
        <Empty title="No flag is in an environment yet" />
      ) : (
        <ul className="m-0 list-none divide-y divide-line p-0">
          {q.data.items.map((place) => (
            <li key={place.name} className="flex flex-wrap items-center gap-x-4 gap-y-1 px-4 py-2.5">
              <span className="min-w-0 flex-1 basis-56">
                <span className="font-medium">{place.name}</span>
                <span className="block text-xs text-muted">
                  {place.needsApproval
                    ? "A second person agrees to each change; turning off, holding and killing needs nobody."
                    : "Whoever may ship changes flags here."}
                </span>
              </span>
              {me.data?.principal.role === "owner" && (
                <Button
                  size="small"
                  aria-label={`${place.needsApproval ? "Unprotect" : "Protect"} ${place.name}`}
                  onClick={() => setAsked(place)}
                >
                  {place.needsApproval ? "Unprotect" : "Protect"}
                </Button>
              )}
            </li>
          ))}
        </ul>
      )}
      <Dialog
        open={asked !== null}
        onClose={close}
        title={asked?.needsApproval ? `Unprotect ${asked.name}?` : `Protect ${asked?.name}?`}
        description={
          asked?.needsApproval
            ? "Whoever may ship changes its flags without asking anybody."
            : "Nobody changes alone what somebody gets there. To turn off, hold or kill needs nobody."
        }
      >
        {asked && <Protect place={asked} onClose={close} />}
      </Dialog>
    </Section>
  );
}
