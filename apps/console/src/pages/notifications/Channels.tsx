import { useMutation, useQueryClient } from "@tanstack/react-query";
import { CircleCheck, CircleDashed, CircleX } from "lucide-react";
import { api, project, wordsOf } from "../../api/client.ts";
import { keys } from "../../api/queries.ts";
import type { NotificationChannel } from "../../api/types.ts";
import type { NotificationsSearch } from "../../search.ts";
import { Badge, type Tone } from "../../ui/Badge.tsx";
import { Button } from "../../ui/Button.tsx";
import { Dialog } from "../../ui/Dialog.tsx";
import { plural, sentence } from "../../ui/format.ts";
import { Ago } from "../../ui/Text.tsx";
import { toast } from "../../ui/Toasts.tsx";
import { AddChannel, ShownOnce } from "./AddChannel.tsx";
import type { Open } from "./NotificationsPage.tsx";

const KINDS = { slack: "chat", webhook: "webhook", email: "mail" } as const;
const STATES: Record<NotificationChannel["state"], Tone> = {
  unused: "calm",
  working: "good",
  failing: "bad",
  resting: "bad",
  off: "calm",
};

function StateMark({ state }: { state: NotificationChannel["state"] }) {
  const Icon = { good: CircleCheck, bad: CircleX, calm: CircleDashed, warn: CircleDashed, live: CircleDashed }[
    STATES[state]
  ];
  return (
    <Badge tone={STATES[state]} icon={<Icon size={12} aria-hidden />}>
      {state === "unused" ? "Not used yet" : sentence(state)}
    </Badge>
  );
}

function useChannelAct(channel: NotificationChannel) {
  const client = useQueryClient();
  const params = { project, channelId: channel.id };
  const settled = () => client.invalidateQueries({ queryKey: keys.notifications });
  const test = useMutation({
    mutationFn: () => api.testNotificationChannel({ params }),
    onSuccess: (result) =>
      result.arrived
        ? toast.done("The test message arrived", result.words)
        : toast.failed("It did not arrive", result.words),
    onError: (error) => toast.failed("It could not be sent", wordsOf(error)),
    onSettled: settled,
  });
  const turn = useMutation({
    mutationFn: () => api.updateNotificationChannel({ params, body: { enabled: !channel.enabled } }),
    onError: (error) => toast.failed("It was not changed", wordsOf(error)),
    onSettled: settled,
  });
  return { test, turn };
}

function Row({ channel: c, mayManage, open }: { channel: NotificationChannel; mayManage: boolean; open: Open }) {
  const { test, turn } = useChannelAct(c);
  const queue = [
    c.waiting > 0 && `${c.waiting} on the way`,
    c.held > 0 && `${c.held} held by quiet hours`,
    c.dead > 0 && plural(c.dead, "dead letter"),
    c.dropped > 0 && `${c.dropped} forgotten at the limit`,
  ].filter((part) => part !== false);
  return (
    <li className="flex flex-wrap items-center gap-x-4 gap-y-2 px-4 py-3">
      <div className="min-w-0 flex-1 basis-64">
        <span className="flex flex-wrap items-center gap-2">
          <span className="font-medium">{c.name}</span>
          <Badge tone="calm">{KINDS[c.kind]}</Badge>
          <StateMark state={c.state} />
        </span>
        <span className="mt-0.5 block text-xs break-words text-muted">
          {c.settings.words}
          {c.kind === "slack" && !c.settings.updates && "; it can't update, so the first and the last message come"}
        </span>
        <span className="block text-xs text-muted">
          {c.lastSuccessAt ? (
            <>
              last arrived <Ago at={c.lastSuccessAt} />
            </>
          ) : (
            "nothing has arrived yet"
          )}
          {queue.length > 0 && `; ${queue.join(", ")}`}
        </span>
        {c.failures > 0 && c.lastFailure && (
          <span className="mt-1 block text-xs break-words text-bad">
            {plural(c.failures, "failure")} in a row: {c.lastFailure}
            {c.restsUntil && (
              <>
                {" "}
                Tried again <Ago at={c.restsUntil} />.
              </>
            )}
          </span>
        )}
      </div>
      {mayManage && (
        <div className="flex flex-wrap gap-2">
          <Button size="small" busy={test.isPending} onClick={() => test.mutate()} aria-label={`Test ${c.name}`}>
            Test
          </Button>
          <Button
            size="small"
            busy={turn.isPending}
            onClick={() => turn.mutate()}
            aria-label={`${c.enabled ? "Turn off" : "Turn on"} ${c.name}`}
          >
            {c.enabled ? "Turn off" : "Turn on"}
          </Button>
          <Button size="small" onClick={() => open({ channel: c.id })} aria-label={`More of ${c.name}`}>
            More
          </Button>
        </div>
      )}
    </li>
  );
}

export function ChannelList(o: { channels: readonly NotificationChannel[]; mayManage: boolean; open: Open }) {
  return (
    <ul className="m-0 list-none divide-y divide-line p-0">
      {o.channels.map((channel) => (
        <Row key={channel.id} channel={channel} mayManage={o.mayManage} open={o.open} />
      ))}
    </ul>
  );
}

function More({ channel: c, onClose }: { channel: NotificationChannel; onClose: () => void }) {
  const client = useQueryClient();
  const params = { project, channelId: c.id };
  const rotate = useMutation({
    mutationFn: () => api.rotateNotificationSecret({ params }),
    onError: (error) => toast.failed("There is no new secret", wordsOf(error)),
  });
  const remove = useMutation({
    mutationFn: () => api.deleteNotificationChannel({ params }),
    onSuccess: async () => {
      toast.done("Deleted", c.name);
      onClose();
      await client.invalidateQueries({ queryKey: keys.notifications });
    },
    onError: (error) => toast.failed("It was not deleted", wordsOf(error)),
  });
  if (rotate.data)
    return (
      <ShownOnce secret={rotate.data.signingSecret} onClose={onClose}>
        The new signing secret of “{c.name}”. The old one signs, too, for 24 hours more.
      </ShownOnce>
    );
  return (
    <div className="flex flex-col gap-4">
      {c.kind === "webhook" && (
        <div className="flex flex-wrap items-center justify-between gap-3">
          <p className="m-0 flex-1 basis-48 text-soft">A new signing secret: with 24 hours to change it over there.</p>
          <Button busy={rotate.isPending} onClick={() => rotate.mutate()}>
            Make a new secret
          </Button>
        </div>
      )}
      <div className="flex flex-wrap items-center justify-between gap-3">
        <p className="m-0 flex-1 basis-48 text-soft">
          {c.waiting + c.held === 0
            ? "Nothing is on its way there."
            : `${plural(c.waiting + c.held, "message")} on the way there would be lost.`}
        </p>
        <Button kind="danger" busy={remove.isPending} onClick={() => remove.mutate()}>
          Delete “{c.name}”
        </Button>
      </div>
    </div>
  );
}

export function ChannelDialogs(o: {
  search: Partial<{ [K in keyof NotificationsSearch]: NotificationsSearch[K] | undefined }>;
  channels: readonly NotificationChannel[];
  close: () => void;
}) {
  const chosen = o.channels.find((channel) => channel.id === o.search.channel);
  return (
    <>
      <Dialog
        open={o.search.dialog === "channel"}
        onClose={o.close}
        title="Add a channel"
        description="Secrets are stored encrypted and are never shown again."
      >
        <AddChannel onClose={o.close} />
      </Dialog>
      <Dialog
        open={chosen !== undefined}
        onClose={o.close}
        title={chosen?.name ?? ""}
        description={chosen?.settings.words ?? ""}
      >
        {chosen && <More channel={chosen} onClose={o.close} />}
      </Dialog>
    </>
  );
}
