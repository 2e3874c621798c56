import { useInfiniteQuery, useMutation, useQueryClient } from "@tanstack/react-query";
import { api, project, wordsOf } from "../../api/client.ts";
import { keys, queries } from "../../api/queries.ts";
import type { NotificationDelivery } from "../../api/types.ts";
import type { NotificationsSearch } from "../../search.ts";
import { Badge, type Tone } from "../../ui/Badge.tsx";
import { Button } from "../../ui/Button.tsx";
import { Select } from "../../ui/Form.tsx";
import { plural, sentence } from "../../ui/format.ts";
import { Section } from "../../ui/Section.tsx";
import { Empty, ErrorPanel, Skeleton } from "../../ui/States.tsx";
import { A, Ago } from "../../ui/Text.tsx";
import { toast } from "../../ui/Toasts.tsx";

type Show = NotificationsSearch["show"] | undefined;
const TONES: Record<NotificationDelivery["state"], Tone> = {
  held: "calm",
  waiting: "live",
  delivered: "good",
  skipped: "calm",
  digested: "calm",
  dead: "bad",
};
const EMPTY: Record<NonNullable<Show> | "all", readonly [string, string]> = {
  all: ["Nothing was sent yet", "What a rule matches from now on is listed here."],
  dead: ["No dead letters", "Everything arrived, or is on its way."],
  waiting: ["Nothing is on its way", "What is sent arrives within a second or two."],
  held: ["Nothing is held", "In quiet hours, what can wait is listed here."],
  delivered: ["Nothing has arrived yet", "What a rule matches from now on is listed here."],
};

function useReplay() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (deliveryIds: string[]) => api.replayNotifications({ params: { project }, body: { deliveryIds } }),
    onSuccess: ({ replayed }) => toast.done(`${plural(replayed, "message is", "messages are")} on the way again`),
    onError: (error) => toast.failed("It was not sent again", wordsOf(error)),
    onSettled: () => client.invalidateQueries({ queryKey: keys.notifications }),
  });
}

function Row({ delivery: d, mayManage }: { delivery: NotificationDelivery; mayManage: boolean }) {
  const replay = useReplay();
  return (
    <li className="flex flex-wrap items-center gap-x-4 gap-y-1 px-4 py-2.5">
      <div className="min-w-0 flex-1 basis-64">
        <span className="flex flex-wrap items-center gap-2">
          <Badge tone={TONES[d.state]}>{sentence(d.state)}</Badge>
          <A href={d.path} className="font-medium break-words">
            {d.title}
          </A>
        </span>
        <span className="block text-xs break-words text-muted">
          to {d.channelName}, <Ago at={d.createdAt} />
          {d.tries > 1 && `, ${d.tries} tries`}
          {d.nextAt && (
            <>
              , {d.state === "held" ? "told" : "tried again"} <Ago at={d.nextAt} />
            </>
          )}
          {d.lastFailure && `: ${d.lastFailure}`}
        </span>
      </div>
      {mayManage && d.state === "dead" && (
        <Button
          size="small"
          busy={replay.isPending}
          onClick={() => replay.mutate([d.id])}
          aria-label={`Send again: ${d.title}`}
        >
          Send again
        </Button>
      )}
    </li>
  );
}

export function Deliveries(o: { show: Show; onShow: (show: Show) => void; mayManage: boolean }) {
  const shown = o.show ?? "all";
  const q = useInfiniteQuery(queries.notificationDeliveries(shown));
  const replay = useReplay();
  const items = q.data?.pages.flatMap((page) => page.items) ?? [];
  const dead = items.filter((delivery) => delivery.state === "dead").map((delivery) => delivery.id);
  return (
    <Section
      title="Messages"
      note="the newest first"
      flush
      actions={
        <>
          {o.mayManage && dead.length > 1 && (
            <Button size="small" busy={replay.isPending} onClick={() => replay.mutate(dead.slice(0, 200))}>
              Send all {dead.length} again
            </Button>
          )}
          <Select
            aria-label="Which messages"
            value={shown}
            className="h-7 w-auto"
            onChange={(e) => o.onShow(e.target.value === "all" ? undefined : (e.target.value as Show))}
          >
            <option value="all">All</option>
            <option value="dead">Dead letters</option>
            <option value="waiting">On the way</option>
            <option value="held">Held</option>
            <option value="delivered">Delivered</option>
          </Select>
        </>
      }
    >
      {q.data ? (
        items.length > 0 ? (
          <>
            <ul className="m-0 list-none divide-y divide-line p-0">
              {items.map((delivery) => (
                <Row key={delivery.id} delivery={delivery} mayManage={o.mayManage} />
              ))}
            </ul>
            {q.hasNextPage && (
              <div className="border-t border-line p-3 text-center">
                <Button size="small" busy={q.isFetchingNextPage} onClick={() => void q.fetchNextPage()}>
                  Older ones
                </Button>
              </div>
            )}
          </>
        ) : (
          <Empty title={EMPTY[shown][0]}>{EMPTY[shown][1]}</Empty>
        )
      ) : q.error ? (
        <ErrorPanel error={q.error} retry={() => void q.refetch()} />
      ) : (
        <Skeleton rows={4} />
      )}
    </Section>
  );
}
