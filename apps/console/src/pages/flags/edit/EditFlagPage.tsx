import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useBlocker, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { Undo2 } from "lucide-react";
import { useState } from "react";
import { queries } from "../../../api/queries.ts";
import type { FlagRules, FlagView } from "../../../api/types.ts";
import { to } from "../../../paths.ts";
import { Button } from "../../../ui/Button.tsx";
import { Dialog } from "../../../ui/Dialog.tsx";
import { Field, Input, Select } from "../../../ui/Form.tsx";
import { PageHead, Section } from "../../../ui/Section.tsx";
import { ErrorPanel, PageSkeleton } from "../../../ui/States.tsx";
import { A } from "../../../ui/Text.tsx";
import { DetailsEditor } from "./DetailsEditor.tsx";
import { DraftPreview } from "./DraftPreview.tsx";
import type { Draft } from "./draft.ts";
import { attributesOf, RulesEditor } from "./RulesEditor.tsx";
import { SaveDraft } from "./SaveDraft.tsx";

const UNDO_MAX = 100;

/** Which environment is edited; another one is added, or its rules are taken from one that is there. */
function Places(o: {
  draft: Draft;
  environment: string | undefined;
  onChoose: (environment: string) => void;
  onChange: (draft: Draft) => void;
}) {
  const { draft, environment } = o;
  const services = useQuery(queries.services());
  const names = Object.keys(draft.environments);
  const [name, setName] = useState("");
  const known = (services.data?.items ?? []).flatMap((s) => s.environments.map((e) => e.name));
  const free = [...new Set(known)].filter((one) => !names.includes(one));
  const others = names.filter((one) => one !== environment);
  const wanted = name.trim();
  const isGood = /^[a-z0-9][a-z0-9-]{0,39}$/.test(wanted) && !names.includes(wanted);
  const fresh: FlagRules = {
    ...{ isEnabled: false, off: Object.keys(draft.variants).at(-1) ?? "off", prerequisites: [], rules: [] },
    otherwise: { kind: "variant", variant: Object.keys(draft.variants)[0] ?? "on" },
  };
  return (
    <div className="flex flex-wrap items-end gap-x-6 gap-y-3 border-b border-line px-4 py-3">
      <Field label="Environment">
        {(ids) => (
          <Select {...ids} value={environment ?? ""} onChange={(e) => o.onChoose(e.target.value)}>
            {names.length === 0 && <option value="">none yet</option>}
            {names.map((one) => (
              <option key={one}>{one}</option>
            ))}
          </Select>
        )}
      </Field>
      {environment && others.length > 0 && (
        <Field label="Take the rules of">
          {(ids) => (
            <Select
              {...ids}
              value=""
              onChange={(e) => {
                const from = draft.environments[e.target.value];
                const now = draft.environments[environment];
                if (from && now)
                  o.onChange({
                    ...draft,
                    environments: { ...draft.environments, [environment]: { ...from, isEnabled: now.isEnabled } },
                  });
              }}
            >
              <option value="">choose…</option>
              {others.map((one) => (
                <option key={one}>{one}</option>
              ))}
            </Select>
          )}
        </Field>
      )}
      <form
        className="flex items-end gap-2"
        onSubmit={(event) => {
          event.preventDefault();
          if (!isGood) return;
          o.onChange({ ...draft, environments: { ...draft.environments, [wanted]: fresh } });
          o.onChoose(wanted);
          setName("");
        }}
      >
        <Field label="New environment">
          {(ids) => (
            <Input
              {...ids}
              className="w-36"
              list="flag-free-environments"
              placeholder={free[0] ?? "staging"}
              value={name}
              onChange={(e) => setName(e.target.value)}
            />
          )}
        </Field>
        <datalist id="flag-free-environments">
          {free.map((one) => (
            <option key={one} value={one} />
          ))}
        </datalist>
        <Button type="submit" disabled={!isGood}>
          Add
        </Button>
      </form>
    </div>
  );
}

/** The definition with the rules of one environment in another; its switch stays. As it is where there are none. */
function taken(definition: Draft, from: string | undefined, to: string | undefined): readonly Draft[] {
  const rules = from && Object.hasOwn(definition.environments, from) ? definition.environments[from] : undefined;
  if (!rules || !to) return [];
  const isEnabled = definition.environments[to]?.isEnabled ?? false;
  return [{ ...definition, environments: { ...definition.environments, [to]: { ...rules, isEnabled } } }];
}

function Editor({ flag, environment: asked }: { flag: FlagView; environment: string | undefined }) {
  const navigate = useNavigate({ from: "/flags/$flag/edit" });
  const { dialog, take } = useSearch({ from: "/shell/flags/$flag/edit" });
  const segments = useQuery(queries.flagSegments());
  const list = useInfiniteQuery(queries.flags("", false));
  const [states, setStates] = useState<readonly Draft[]>(() => [
    flag.definition,
    ...taken(flag.definition, take, asked),
  ]);
  // What is typed but not yet good is kept by the fields: they begin anew when a change is taken back.
  const [undone, setUndone] = useState(0);
  const [saved, setSaved] = useState(false);
  const draft = states.at(-1) ?? flag.definition;
  const isChanged = states.length > 1;
  useBlocker({
    shouldBlockFn: ({ next }) =>
      !saved && isChanged && !next.pathname.endsWith("/edit") && !window.confirm("Leave without saving?"),
    enableBeforeUnload: () => !saved && isChanged,
  });
  const put = (next: Draft): void => setStates((old) => [...old.slice(-UNDO_MAX), next]);
  const undo = (): void => {
    setStates((old) => old.slice(0, -1));
    setUndone((n) => n + 1);
  };
  const names = Object.keys(draft.environments);
  const environment = asked && names.includes(asked) ? asked : names[0];
  const rules = environment ? draft.environments[environment] : undefined;
  const choose = (name: string): void =>
    void navigate({ search: (old) => ({ ...old, environment: name }), replace: true, resetScroll: false });
  const show = (open: boolean): void =>
    void navigate({ search: (old) => ({ ...old, dialog: open ? ("save" as const) : undefined }), resetScroll: false });
  const others = (list.data?.pages.flatMap((page) => page.items) ?? []).filter(
    (one) => one.key !== flag.key && environment && one.environments.some((place) => place.name === environment),
  );
  return (
    <>
      <PageHead
        title={`Edit ${flag.key}`}
        over={
          <>
            <A href={to.flags()}>Flags</A> / <A href={to.flag(flag.key)}>{flag.key}</A>
          </>
        }
        lead="Nothing holds before you have read the difference and saved it."
        actions={
          <>
            <Button disabled={!isChanged} onClick={undo}>
              <Undo2 size={14} aria-hidden /> Undo
            </Button>
            <Button kind="primary" disabled={!isChanged} onClick={() => show(true)}>
              Review and save
            </Button>
          </>
        }
      />
      <datalist id="flag-attributes">
        {attributesOf(draft).map((name) => (
          <option key={name} value={name} />
        ))}
      </datalist>
      <div className="grid items-start gap-6 lg:grid-cols-[minmax(0,1fr)_22rem]">
        <div className="flex min-w-0 flex-col gap-6">
          <Section title="Rules" note="the first that holds serves" flush>
            <Places draft={draft} environment={environment} onChoose={choose} onChange={put} />
            {rules && environment && (
              <RulesEditor
                key={`${environment}/${undone}`}
                rules={rules}
                variants={Object.keys(draft.variants)}
                segments={(segments.data?.items ?? []).map((one) => one.key)}
                others={others.map((one) => ({ key: one.key, variants: one.variants }))}
                standing={(rule) =>
                  flag.rollouts.find((one) => one.environment === environment && one.rule === rule)?.percent
                }
                onChange={(next) => put({ ...draft, environments: { ...draft.environments, [environment]: next } })}
              />
            )}
          </Section>
          <Section title="About" flush>
            <DetailsEditor key={undone} draft={draft} onChange={put} />
          </Section>
        </div>
        {environment && (
          <div className="lg:sticky lg:top-20">
            <DraftPreview flag={flag} draft={draft} environment={environment} />
          </div>
        )}
      </div>
      <Dialog
        open={dialog === "save" && isChanged}
        onClose={() => show(false)}
        title="What changes"
        description="Switches and rollouts stay where they are."
        wide
      >
        <SaveDraft
          flag={flag}
          draft={draft}
          onClose={() => show(false)}
          onSaved={() => {
            setSaved(true);
            void navigate({ to: to.flag(flag.key), ignoreBlocker: true });
          }}
        />
      </Dialog>
    </>
  );
}

/** The definition of a flag, to be changed with a preview of who would get what. */
export function EditFlagPage() {
  const { flag: key } = useParams({ from: "/shell/flags/$flag/edit" });
  const { environment } = useSearch({ from: "/shell/flags/$flag/edit" });
  const q = useQuery(queries.flag(key));
  if (!q.data)
    return q.error ? (
      <>
        <PageHead title={`Edit ${key}`} over={<A href={to.flags()}>Flags</A>} />
        <div className="rounded-lg border border-line bg-surface">
          <ErrorPanel error={q.error} retry={() => void q.refetch()} />
        </div>
      </>
    ) : (
      <PageSkeleton />
    );
  // What is edited stays what it was when it was opened: a newer version is found out when it is saved.
  return <Editor key={key} flag={q.data} environment={environment} />;
}
