import { useMutation, useQuery } from "@tanstack/react-query";
import { api, wordsOf } from "../../api/client.ts";
import { queries } from "../../api/queries.ts";
import type { SystemView } from "../../api/types.ts";
import { to } from "../../paths.ts";
import { Button } from "../../ui/Button.tsx";
import { Choices } from "../../ui/Form.tsx";
import { bytes, count, duration, moment } from "../../ui/format.ts";
import { useNow } from "../../ui/now.ts";
import { Facts, PageHead, Section } from "../../ui/Section.tsx";
import { ErrorPanel, Skeleton } from "../../ui/States.tsx";
import { A, CopyButton, Mono } from "../../ui/Text.tsx";
import { chooseTheme, useTheme } from "../../ui/theme.ts";
import { Backups } from "./Backups.tsx";
import { People } from "./People.tsx";
import { Tokens } from "./Tokens.tsx";

function SignInLink() {
  const make = useMutation({ mutationFn: () => api.createSignInLink({}) });
  return (
    <Section title="Another browser" note="sign in without a terminal">
      {make.data ? (
        <div className="flex flex-col gap-2" role="status">
          <div className="flex items-center gap-2 rounded-md border border-line-strong bg-sunken py-2 pr-2 pl-3">
            <Mono className="min-w-0 flex-1 break-all">{make.data.url}</Mono>
            <CopyButton text={make.data.url} label="Copy the link" />
          </div>
          <p className="m-0 text-muted">
            Works once, until {moment(make.data.expiresAt)}. Whoever opens it is signed in as you are.
          </p>
        </div>
      ) : (
        <div className="flex flex-wrap items-center justify-between gap-3">
          <p className="m-0 text-soft">A link that signs one browser in, once, within 15 minutes.</p>
          <Button busy={make.isPending} onClick={() => make.mutate()}>
            Make a link
          </Button>
        </div>
      )}
      {make.error && <p className="m-0 mt-2 text-bad">{wordsOf(make.error)}</p>}
    </Section>
  );
}

const wordsOfServer = (server: SystemView["servers"][number]): string =>
  `${server.id.slice(0, 12)}, ${server.version}${server.holdsLease ? ", drives the rollouts" : ""}`;

function Installation({ system: s }: { system: SystemView }) {
  const now = useNow();
  return (
    <Section title="This installation" note={<A href={to.health()}>how it does</A>}>
      <Facts
        items={[
          ["Latchkey", s.version],
          ["Node", s.nodeVersion],
          ["Up for", duration(now - Date.parse(s.startedAt))],
          ...(s.servers.length < 2
            ? []
            : [["Servers", s.servers.map((other) => wordsOfServer(other)).join("; ")] as [string, string]]),
          ["PostgreSQL", `${s.database.version}, ${s.database.embedded ? "embedded" : "your own"}`],
          ["Database", bytes(s.database.sizeBytes)],
          ["Ledger", `${count(s.ledger.size)} entries, ${count(s.ledger.signedSize)} signed`],
          ["Ledger protected by database roles", s.ledger.protectedByRoles ? "Yes" : `No. ${s.ledger.remedy}`],
          [
            "Key of the ledger",
            <span key="k" className="inline-flex items-center gap-1">
              <Mono>{s.ledger.publicKey.slice(0, 14)}…</Mono>
              <CopyButton text={s.ledger.publicKey} label="Copy the ledger's public key" />
            </span>,
          ],
        ]}
      />
    </Section>
  );
}

function Appearance() {
  const theme = useTheme();
  return (
    <Section title="Appearance" note="remembered in this browser">
      <div className="max-w-md">
        <Choices
          legend="Theme"
          value={theme}
          onChange={chooseTheme}
          options={[
            { value: "system", label: "As the system" },
            { value: "light", label: "Light" },
            { value: "dark", label: "Dark" },
          ]}
        />
      </div>
    </Section>
  );
}

export function SettingsPage() {
  const system = useQuery(queries.system());
  const me = useQuery(queries.me());
  const mayManage = me.data?.principal.role === "owner";
  return (
    <>
      <PageHead
        title="Settings"
        lead={
          me.data && `Signed in as ${me.data.principal.name}, ${me.data.principal.role} of project ${me.data.project}.`
        }
      />
      <div className="grid items-start gap-6 lg:grid-cols-2">
        <div className="flex flex-col gap-6">
          <Section title="Notifications" note={<A href={to.notifications()}>channels and rules</A>}>
            <p className="m-0 text-soft">
              Who is told when a rollout is rolled back, fails, waits for a person, or is live: by chat, webhook or
              mail.
            </p>
          </Section>
          <People mayManage={mayManage} />
          {mayManage && <Tokens />}
          {mayManage && <Backups />}
          {mayManage && <SignInLink />}
          <Appearance />
        </div>
        <div className="flex flex-col gap-6">
          {system.data ? (
            <Installation system={system.data} />
          ) : (
            <Section title="This installation" flush>
              {system.error ? (
                <ErrorPanel error={system.error} retry={() => void system.refetch()} />
              ) : (
                <Skeleton rows={5} />
              )}
            </Section>
          )}
          <Section title="About">
            <p className="m-0 text-soft">
              Latchkey takes a change from commit to production, judges it on evidence, takes it back when it does harm,
              and proves afterwards what happened and why. Apache-2.0. The API is described at{" "}
              <a className="link underline" href="/api/v1/openapi.json">
                /api/v1/openapi.json
              </a>
              ; everything here, <Mono>npx latchkey</Mono> does too.
            </p>
          </Section>
        </div>
      </div>
    </>
  );
}
