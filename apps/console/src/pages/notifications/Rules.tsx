import { useMutation, useQueryClient } from "@tanstack/react-query";
import { api, project, wordsOf } from "../../api/client.ts";
import { keys } from "../../api/queries.ts";
import type { NotificationChannel, NotificationRule } from "../../api/types.ts";
import type { NotificationsSearch } from "../../search.ts";
import { Badge } from "../../ui/Badge.tsx";
import { Button } from "../../ui/Button.tsx";
import { Dialog } from "../../ui/Dialog.tsx";
import { moment, spaced } from "../../ui/format.ts";
import { Empty } from "../../ui/States.tsx";
import { toast } from "../../ui/Toasts.tsx";
import type { Open } from "./NotificationsPage.tsx";
import { QuietPicture } from "./QuietPicture.tsx";
import { RuleEditor } from "./RuleEditor.tsx";
import { formOf } from "./rule-form.ts";

const some = (list: readonly string[], all: string): string => (list.length === 0 ? all : list.map(spaced).join(", "));

function Row(o: { rule: NotificationRule; channels: readonly NotificationChannel[]; mayManage: boolean; open: Open }) {
  const { rule: r } = o;
  const names = r.channelIds.map((id) => o.channels.find((channel) => channel.id === id)?.name ?? id);
  return (
    <li className="grid gap-x-6 gap-y-3 px-4 py-3 md:grid-cols-[1fr_minmax(0,22rem)_auto]">
      <div className="min-w-0">
        <span className="flex flex-wrap items-center gap-2">
          <span className="font-medium">{r.name}</span>
          {!r.enabled && <Badge tone="calm">off</Badge>}
          {r.quietUntil && <Badge tone="live">quiet until {moment(r.quietUntil)}</Badge>}
        </span>
        <span className="mt-0.5 block text-xs break-words text-muted">
          {some(r.outcomes, "everything")} of {some(r.types, "all entries")}
          {r.services.length > 0 && `, only ${some(r.services, "")}`}
          {r.environments.length > 0 && `, in ${some(r.environments, "")}`}
        </span>
        <span className="block text-xs break-words text-muted">
          to {names.length === 0 ? "nobody: its channels were deleted" : names.join(", ")}
          {r.severity !== "auto" && `, as ${r.severity}`}
        </span>
      </div>
      <div className="min-w-0">
        {r.quietHours ? (
          <QuietPicture hours={r.quietHours} />
        ) : (
          <span className="text-xs text-muted">No quiet hours</span>
        )}
      </div>
      {o.mayManage && (
        <div>
          <Button size="small" onClick={() => o.open({ rule: r.id })} aria-label={`Change the rule ${r.name}`}>
            Change
          </Button>
        </div>
      )}
    </li>
  );
}

export function RuleList(o: {
  rules: readonly NotificationRule[];
  channels: readonly NotificationChannel[];
  mayManage: boolean;
  open: Open;
}) {
  if (o.rules.length === 0)
    return <Empty title="No rule">Nobody is told of anything until a rule says what goes where.</Empty>;
  return (
    <ul className="m-0 list-none divide-y divide-line p-0">
      {o.rules.map((rule) => (
        <Row key={rule.id} {...o} rule={rule} />
      ))}
    </ul>
  );
}

function Remove({ rule, onClose }: { rule: NotificationRule; onClose: () => void }) {
  const client = useQueryClient();
  const remove = useMutation({
    mutationFn: () => api.deleteNotificationRule({ params: { project, ruleId: rule.id } }),
    onSuccess: async () => {
      toast.done("Deleted", rule.name);
      onClose();
      await client.invalidateQueries({ queryKey: keys.notifications });
    },
    onError: (error) => toast.failed("It was not deleted", wordsOf(error)),
  });
  return (
    <Button kind="danger" busy={remove.isPending} onClick={() => remove.mutate()}>
      Delete the rule
    </Button>
  );
}

export function RuleDialogs(o: {
  search: Partial<{ [K in keyof NotificationsSearch]: NotificationsSearch[K] | undefined }>;
  rules: readonly NotificationRule[];
  channels: readonly NotificationChannel[];
  close: () => void;
}) {
  const chosen = o.rules.find((rule) => rule.id === o.search.rule) ?? null;
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const ids = o.channels.map((channel) => channel.id);
  return (
    <Dialog
      open={o.search.dialog === "rule" || chosen !== null}
      onClose={o.close}
      title={chosen ? "Change a rule" : "New rule"}
      description="Which entries of the ledger go where."
      wide
    >
      <RuleEditor
        key={chosen?.id ?? "new"}
        ruleId={chosen?.id ?? null}
        first={formOf(chosen, ids.slice(0, 1), zone)}
        channels={o.channels}
        onClose={o.close}
        also={chosen && <Remove rule={chosen} onClose={o.close} />}
      />
    </Dialog>
  );
}
