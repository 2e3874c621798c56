import { describe, expect, it } from "vitest";
import { environmentOf, parseServerConfig, SERVER_SOURCES, serverFlagsHelp } from "./server.ts";

const read = (o: { env?: Record<string, string>; argv?: string[]; file?: string | null }) =>
  parseServerConfig({ env: o.env ?? {}, argv: o.argv ?? [], cwd: "/srv", readText: () => o.file ?? null });

describe("the server's own configuration", () => {
  it("has a default for everything", () => {
    expect(read({})).toEqual({
      dir: "/srv/.latchkey",
      host: "127.0.0.1",
      port: 7400,
      gatewayPort: 7480,
      readsPerSecond: 300,
      writesPerSecond: 20,
    });
  });
  it("takes the file, over it the environment, over that the flags", () => {
    const file = '{"port": 7001, "gatewayPort": 7002, "publicUrl": "https://a.example"}';
    const env = { LATCHKEY_PORT: "7101", LATCHKEY_GATEWAY_PORT: "7102", LATCHKEY_PUBLIC_URL: "" };
    expect(read({ file, env, argv: ["--port", "7201"] })).toMatchObject({
      port: 7201,
      gatewayPort: 7102,
      publicUrl: "https://a.example",
    });
  });
  it("reads its file in the folder that a flag or the environment names", () => {
    const asked: string[] = [];
    const readText = (file: string) => {
      asked.push(file);
      return null;
    };
    parseServerConfig({ env: { LATCHKEY_DIR: "/data/env" }, argv: ["--dir=flag"], cwd: "/srv", readText });
    parseServerConfig({ env: { LATCHKEY_DIR: "/data/env" }, argv: [], cwd: "/srv", readText });
    expect(asked).toEqual(["/srv/flag/config.json", "/data/env/config.json"]);
  });
  it("takes every flag in both spellings, and survives being passed on by the environment", () => {
    const values = [
      "/d",
      "/shared",
      "10.0.0.5",
      "http://10.0.0.6:7400,http://10.0.0.7:7400",
      "0.0.0.0",
      "1",
      "2",
      "postgres://u:p@h/db",
      "postgres://o:p@h/db",
      "0123456789abcdef",
      "5",
      "https://a.example",
      "http://127.0.0.1:9090/prometheus",
      "/secrets/prometheus",
      "https://git.example",
      "https://git.example/api/v3",
      "/secrets/github",
      "123456",
      "/secrets/app",
      "/secrets/webhook",
      "60",
      "https://tokens.example",
      "https://netlify.example/api/v1",
      "/secrets/netlify",
      "/secrets/netlify-webhook",
      "10.0.0.0/8,fd00::/8",
      "500",
      "50",
    ];
    const flags = Object.values(SERVER_SOURCES).map((source) => source.flag);
    const apart = read({ argv: flags.flatMap((flag, i) => [flag, values[i] ?? ""]) });
    const joined = read({ argv: flags.map((flag, i) => `${flag}=${values[i]}`) });
    expect(joined).toEqual(apart);
    expect(Object.values(apart).map(String)).toEqual(values);
    expect(read({ env: environmentOf(apart) })).toEqual(apart);
    for (const flag of flags) expect(serverFlagsHelp()).toContain(`${flag} <value>`);
  });
  it.each([
    [{ argv: ["--netlify-api-url", "http://netlify.example"] }, "--netlify-api-url: must begin with https"],
    [{ argv: ["--peers", "10.0.0.6"] }, "--peers: must be addresses such as http://10.0.0.6:7400"],
    [{ argv: ["--address", "host"] }, "--address: must be an IPv4 address of this machine"],
    [{ argv: ["--github-app-id", "1"] }, "githubAppId and githubAppKeyFile belong together"],
    [{ argv: ["--github-app-id", "a/b", "--github-app-key-file", "/k"] }, "--github-app-id: must be the App's id"],
    [{ argv: ["--shared-dir", "/shared"] }, "sharedDir is given without databaseUrl"],
    [{ argv: ["--prometheus-url", "127.0.0.1:9090"] }, "--prometheus-url: must be an address such as http://127"],
    [{ argv: ["--prometheus-url", "http://u:p@h:9090"] }, "--prometheus-url: must be an address without a user"],
    [{ argv: ["--prometheus-token-file", "token"] }, "prometheusTokenFile is given without prometheusUrl"],
    [{ argv: ["--prot", "7500"] }, "There is no flag --prot. Did you mean --port?"],
    [{ argv: ["7500"] }, "There is no flag 7500."],
    [{ argv: ["--port"] }, "--port needs a value"],
    [{ argv: ["--port", "--host"] }, "--port needs a value"],
    [{ argv: ["--port", "high"] }, '--port: a port is a number from 1 to 65535; it is "high".'],
    [{ env: { LATCHKEY_PORT: "70000" } }, "LATCHKEY_PORT: a port is a number from 1 to 65535"],
    [{ env: { LATCHKEY_HOST: "here" } }, "LATCHKEY_HOST: must be 127.0.0.1"],
    [
      { env: { LATCHKEY_WRITES_PER_SECOND: "0" } },
      "LATCHKEY_WRITES_PER_SECOND: must be a whole number of writes a second",
    ],
    [
      { file: '{"readsPerSecond": "many"}' },
      'must be a whole number of reads a second, from 1 to 100000; it is "many"',
    ],
    [{ argv: ["--port", "7480"] }, "port and gatewayPort are both 7480"],
    [{ file: '{"prot": 1}' }, "prot in /srv/.latchkey/config.json: there is no such field. Did you mean port?"],
    [{ file: "{" }, "/srv/.latchkey/config.json is not JSON"],
    [{ file: "[]" }, "must hold a JSON object"],
  ])("refuses %j", (given, message) => {
    expect(() => read(given)).toThrow(message);
  });
  it("takes a file's path from where it was started", () => {
    const argv = ["--prometheus-url", "http://127.0.0.1:9090", "--prometheus-token-file", "token"];
    expect(read({ argv }).prometheusTokenFile).toBe("/srv/token");
  });
  it("never repeats a database's password", () => {
    expect(() => read({ env: { LATCHKEY_DATABASE_URL: "mysql://root:hunter2@db/x" } })).toThrow(
      /^(?!.*hunter2)[\s\S]*LATCHKEY_DATABASE_URL: must be an address such as postgres:/,
    );
  });
});
