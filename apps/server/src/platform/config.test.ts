import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { removeDirectory, temporaryDirectory } from "../testing/directory.ts";
import { readConfig } from "./config.ts";

const dir = temporaryDirectory();
afterAll(() => removeDirectory(dir));
const file = join(dir, "config.json");
const write = (value: unknown) => writeFileSync(file, typeof value === "string" ? value : JSON.stringify(value));

describe("the server's configuration", () => {
  it("has a default for everything", () => {
    write({});
    expect(readConfig({ LATCHKEY_DIR: dir })).toEqual({
      dir,
      host: "127.0.0.1",
      port: 7400,
      gatewayPort: 7480,
      readsPerSecond: 300,
      writesPerSecond: 20,
    });
  });

  it("takes the environment before the file, and an empty variable for none", () => {
    write({ port: 7001, gatewayPort: 7002 });
    const config = readConfig({ LATCHKEY_DIR: dir, LATCHKEY_PORT: "7003", LATCHKEY_GATEWAY_PORT: "" });
    expect(config).toMatchObject({ port: 7003, gatewayPort: 7002 });
  });

  it("prefers its own database variable to the common one", () => {
    write({});
    const env = { LATCHKEY_DIR: dir, DATABASE_URL: "postgres://a/b", LATCHKEY_DATABASE_URL: "postgres://c/d" };
    expect(readConfig(env).databaseUrl).toBe("postgres://c/d");
  });

  it("names every wrong value with where it came from, all at once", () => {
    write({ host: "example.org", publicUrl: "not an address", colour: "red" });
    const read = () => readConfig({ LATCHKEY_DIR: dir, LATCHKEY_PORT: "99999", DATABASE_URL: "mysql://db/x" });
    expect(read).toThrow(/LATCHKEY_PORT: /);
    expect(read).toThrow(/DATABASE_URL: /);
    expect(read).toThrow(new RegExp(`host in ${file}: `));
    expect(read).toThrow(new RegExp(`publicUrl in ${file}: `));
    expect(read).toThrow(new RegExp(`colour in ${file}: `));
  });

  it.each([["{ port: 1"], ["[]"], ["null"], ['"text"']])("refuses a file that holds %s, by its name", (text) => {
    write(text);
    expect(() => readConfig({ LATCHKEY_DIR: dir })).toThrow(
      new RegExp(`^${file} (is not JSON|must hold a JSON object).*Mend it or move it away`),
    );
  });
});
