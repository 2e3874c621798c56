import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { api, project, wordsOf } from "../../api/client.ts";
import { keys } from "../../api/queries.ts";
import type { Person } from "../../api/types.ts";
import { Button } from "../../ui/Button.tsx";
import { Choices, Field, Input } from "../../ui/Form.tsx";
import { toast } from "../../ui/Toasts.tsx";

const ROLES = [
  { value: "deployer", label: "Deployer", words: "Ships, approves, acts on rollouts." },
  { value: "owner", label: "Owner", words: "The same, and manages people and tokens." },
  { value: "viewer", label: "Viewer", words: "Reads everything, changes nothing, approves nothing." },
] as const;
type Raci = Person["raci"][number];
const RACI: readonly { readonly value: Raci; readonly label: string }[] = [
  { value: "lead", label: "Lead" },
  { value: "automation", label: "Automation" },
  { value: "cloud", label: "Cloud" },
  { value: "sre", label: "Reliability" },
  { value: "security", label: "Security" },
  { value: "delivery", label: "Delivery" },
];

const listOf = (text: string): string[] =>
  text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");

function useSave(person: Person | null, onClose: () => void) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ name, ...body }: Pick<Person, "name" | "role" | "raci" | "commitNames" | "githubLogin">) =>
      person
        ? api.updatePerson({ params: { project, personId: person.id }, body })
        : api.addPerson({ params: { project }, body: { name, ...body } }),
    onSuccess: async (saved) => {
      toast.done(person ? "Changed" : "Added", saved.name);
      onClose();
      await client.invalidateQueries({ queryKey: keys.people });
    },
  });
}

/** A new person, or what may change about one. The name stays: the records know the person by it. */
export function PersonForm({ person, onClose }: { person: Person | null; onClose: () => void }) {
  const [name, setName] = useState(person?.name ?? "");
  const [role, setRole] = useState<Person["role"]>(person?.role ?? "deployer");
  const [raci, setRaci] = useState<readonly Raci[]>(person?.raci ?? []);
  const [commitNames, setCommitNames] = useState((person?.commitNames ?? []).join(", "));
  const [login, setLogin] = useState(person?.githubLogin ?? "");
  const [tried, setTried] = useState(false);
  const save = useSave(person, onClose);
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    setTried(true);
    if (name.trim() === "") return;
    const githubLogin = login.trim() === "" ? null : login.trim();
    save.mutate({ name: name.trim(), role, raci: [...raci], commitNames: listOf(commitNames), githubLogin });
  };
  return (
    <form onSubmit={submit} className="flex flex-col gap-4" noValidate>
      {!person && (
        <Field
          label="Name"
          hint="As it stands in this person's commits."
          error={tried && name.trim() === "" ? "Give the person a name." : undefined}
        >
          {(ids) => <Input {...ids} value={name} maxLength={80} required onChange={(e) => setName(e.target.value)} />}
        </Field>
      )}
      <Choices legend="Role" value={role} onChange={setRole} options={ROLES} />
      <fieldset className="m-0 border-0 p-0">
        <legend className="mb-1 p-0 text-xs font-medium text-soft">Answers for</legend>
        <div className="flex flex-wrap gap-x-4 gap-y-1.5">
          {RACI.map((one) => (
            <label key={one.value} className="flex items-center gap-1.5">
              <input
                type="checkbox"
                className="accent-(--accent)"
                checked={raci.includes(one.value)}
                onChange={(e) =>
                  setRaci(e.target.checked ? [...raci, one.value] : raci.filter((value) => value !== one.value))
                }
              />
              {one.label}
            </label>
          ))}
        </div>
      </fieldset>
      <Field label="Other names in commits" hint="Separated by commas. Whoever wrote a change can't approve it.">
        {(ids) => <Input {...ids} value={commitNames} onChange={(e) => setCommitNames(e.target.value)} />}
      </Field>
      <Field label="Name on GitHub">
        {(ids) => <Input {...ids} value={login} maxLength={39} onChange={(e) => setLogin(e.target.value)} />}
      </Field>
      {save.error && (
        <p role="alert" className="m-0 rounded-md bg-bad-soft px-3 py-2 text-bad">
          {wordsOf(save.error)}
        </p>
      )}
      <div className="flex justify-end gap-2">
        <Button onClick={onClose}>Cancel</Button>
        <Button type="submit" kind="primary" busy={save.isPending}>
          {person ? "Save" : "Add"}
        </Button>
      </div>
    </form>
  );
}
