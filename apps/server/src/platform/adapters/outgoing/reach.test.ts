import { describe, expect, it } from "vitest";
import { retryAfterOf } from "./post.ts";
import { reachOf } from "./reach.ts";

const nobody = async (): Promise<string[]> => {
  throw new Error("no such name");
};

describe("where a channel may lead", () => {
  const strict = reachOf(undefined, nobody);
  it.each([
    "10.0.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",
    "224.0.0.1",
    "[fe80::1]",
    "[fd00::1]",
    "[::ffff:10.0.0.1]",
    "[64:ff9b::a00:1]",
    "[2002:a00:1::]",
    "[::]",
  ])("is not %s", async (host) => {
    expect(await strict(host)).toMatchObject({ isPassing: false });
  });
  it("is in public, and this machine by its own name or address", async () => {
    expect(await strict("1.1.1.1")).toEqual({ place: { address: "1.1.1.1", family: 4, isLoopback: false } });
    expect(await strict("[2606:4700::1111]")).toMatchObject({ place: { family: 6 } });
    expect(await strict("127.0.0.1")).toMatchObject({ place: { isLoopback: true } });
    expect(await strict("[::1]")).toMatchObject({ place: { isLoopback: true } });
  });
  it("is no name of somebody else's that leads inside; the address is the one that was checked", async () => {
    expect(await reachOf(undefined, async () => ["127.0.0.1"])("evil.test")).toMatchObject({ isPassing: false });
    const both = reachOf(undefined, async () => ["10.0.0.1", "1.1.1.1"]);
    expect(await both("mixed.test")).toMatchObject({ place: { address: "1.1.1.1" } });
    expect(await strict("nowhere.test")).toMatchObject({ isPassing: true });
  });
  it("is inside where the server's configuration says so", async () => {
    const open = reachOf("10.0.0.0/8, fd00::/8", nobody);
    expect(await open("10.9.8.7")).toMatchObject({ place: { isLoopback: false } });
    expect(await open("[fd00::5]")).toMatchObject({ place: { family: 6 } });
    expect(await open("192.168.1.1")).toMatchObject({ isPassing: false });
  });
});

describe("Retry-After", () => {
  it("is seconds or a date, and nothing else", () => {
    expect(retryAfterOf("120")).toBe(120_000);
    expect(retryAfterOf("Wed, 21 Oct 2015 07:28:00 GMT")).toBe(0);
    expect(retryAfterOf("soon")).toBeNull();
    expect(retryAfterOf(undefined)).toBeNull();
  });
});
