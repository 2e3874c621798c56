import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { GithubConfig } from "@latchkey/api/github";
import { paths } from "@latchkey/api/paths";
import { afterAll, describe, expect, it } from "vitest";
import { readServices } from "./load.ts";
import { parseServerConfig } from "./server.ts";

const text = readFileSync(join(import.meta.dirname, "..", "..", "..", "docs", "guides", "github.md"), "utf8");
const scratch = mkdtempSync(join(tmpdir(), "latchkey-guide-test-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

describe("the guide to GitHub", () => {
  const examples = [...text.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, yaml]) => yaml ?? "");
  it.each(examples)("has an example that is taken as it stands: %#", async (yaml) => {
    const file = join(scratch, "latchkey.config.yaml");
    writeFileSync(file, yaml);
    const [service] = await readServices(file);
    expect(service?.github?.repository).toBe("acme/shop");
  });
  it("starts the server with flags that there are", () => {
    const argv = /npm start -- (.*)/.exec(text)?.[1]?.split(" ") ?? [];
    argv.push(...(/--github-poll-seconds \d+/.exec(text)?.[0].split(" ") ?? []));
    expect(parseServerConfig({ env: {}, argv, cwd: "/srv", readText: () => null })).toMatchObject({
      githubTokenFile: "/etc/latchkey/github.token",
      githubWebhookSecretFile: "/etc/latchkey/github.secret",
      githubPollSeconds: 60,
    });
  });
  it("starts the server as an App with flags that there are", () => {
    const argv = /npm start -- (--github-app-id .*)/.exec(text)?.[1]?.split(" ") ?? [];
    expect(parseServerConfig({ env: {}, argv, cwd: "/srv", readText: () => null })).toMatchObject({
      githubAppId: "123456",
      githubAppKeyFile: "/etc/latchkey/github.pem",
      githubWebhookSecretFile: "/etc/latchkey/github.secret",
    });
  });
  it("names every field, and no other", () => {
    const told = [...text.matchAll(/^\| `(\w+)`/gm)].map(([, name]) => name);
    expect(told.sort()).toEqual(Object.keys(GithubConfig.shape).sort());
  });
  it("names addresses that there are", () => {
    expect(text).toContain(paths.exchangeToken.path);
    expect(text).toContain(paths.getPipeline.path.replace(":project", "main"));
  });
});
