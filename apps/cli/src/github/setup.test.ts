import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { GITHUB_APP_PERMISSIONS } from "@latchkey/core/delivery/github/app";
import { EVENTS } from "@latchkey/core/delivery/github/facts";
import { afterAll, expect, it } from "vitest";
import { createProgram } from "../program.ts";
import { processTerminal } from "../terminal.ts";

const dir = mkdtempSync(join(tmpdir(), "latchkey-app-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

async function run(...argv: string[]): Promise<string> {
  let out = "";
  const terminal = {
    ...processTerminal(),
    cwd: dir,
    out: (text: string) => {
      out += text;
    },
  };
  await createProgram(terminal, { exitCode: 0 }).parseAsync(["node", "latchkey", "github", "setup", ...argv]);
  return out;
}
const URL_GIVEN = ["--public-url", "https://latchkey.example/"];

it("asks for an App with the permissions that are used, and the events that are read", async () => {
  const { address, manifest } = JSON.parse(await run(...URL_GIVEN, "--organization", "acme", "--json"));
  expect(address).toBe("https://github.com/organizations/acme/settings/apps/new");
  expect(manifest).toEqual({
    name: "Latchkey of latchkey.example",
    url: "https://latchkey.example",
    hook_attributes: { url: "https://latchkey.example/hooks/github", active: true },
    redirect_url: "https://latchkey.example/pipeline",
    public: false,
    default_permissions: GITHUB_APP_PERMISSIONS,
    default_events: [...EVENTS],
  });
});

it("writes a page whose form holds the manifest, and never writes over one", async () => {
  expect(await run(...URL_GIVEN, "--name", 'A "><b> name')).toContain("Written: ");
  const page = readFileSync(join(dir, "latchkey-github-app.html"), "utf8");
  expect(page).toContain('<form action="https://github.com/settings/apps/new" method="post">');
  expect(page).not.toContain("<b>");
  const value = /name="manifest" value="([^"]*)"/.exec(page)?.[1] ?? "";
  const text = value.replaceAll("&quot;", '"').replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");
  expect(JSON.parse(text)).toMatchObject({ name: 'A "><b> name' });
  await expect(run(...URL_GIVEN)).rejects.toThrow("is there already");
});

it.each([
  [["--public-url", "http://latchkey.example"], "is no address that GitHub can reach"],
  [["--public-url", "nonsense"], "is no address that GitHub can reach"],
  [[...URL_GIVEN, "--organization", "a/b"], "is no name of an organization"],
  [[...URL_GIVEN, "--name", "x".repeat(35)], "1 to 34 characters"],
])("refuses %j", async (argv, words) => {
  await expect(run(...argv)).rejects.toThrow(words);
});
