import { describe, expect, it } from "vitest";
import { faultEffects, parseFault } from "./fault.ts";

describe("rehearsed faults", () => {
  it.each([
    "errors=5%",
    "errors=5%@form",
    "latency=+50%",
    "crash-after=200",
    "leak",
    "slow-tail=3%x10",
    "broken-page",
    "none",
  ])("reads %s", (text) => {
    expect(parseFault(text).kind).toBe(text.split("=")[0]?.replace("-", "_"));
  });
  it.each(["errors=500%", "errors=5%@", "errors=", "nonsense", "crash-after=0", ""])("refuses %s", (text) => {
    expect(() => parseFault(text)).toThrow("is not a fault");
  });
  it("fails its share, and crashes at its request", () => {
    let crashed = 0;
    const at = (x: number) => () => x;
    expect(faultEffects(parseFault("errors=5%"), at(0.04), () => {}).before()).toBe(true);
    expect(faultEffects(parseFault("errors=5%"), at(0.06), () => {}).before()).toBe(false);
    const crash = faultEffects(parseFault("crash-after=3"), at(0), () => {
      crashed += 1;
    });
    for (let i = 0; i < 3; i++) crash.before();
    expect(crashed).toBe(1);
  });
  it("fails those alone who have a flag's variant, where it is told one", () => {
    const { before } = faultEffects(
      parseFault("errors=100%@one-line-address"),
      () => 0.5,
      () => {},
    );
    expect(before((flag) => flag === "one-line-address")).toBe(true);
    expect(before((flag) => flag !== "one-line-address")).toBe(false);
    expect(before()).toBe(false);
  });
  it("slows by its factor, on a base that can be seen", () => {
    expect(
      faultEffects(
        parseFault("latency=+50%"),
        () => 0,
        () => {},
      ).delayMs(100),
    ).toBe(50);
    expect(
      faultEffects(
        parseFault("latency=+50%"),
        () => 0,
        () => {},
      ).delayMs(1),
    ).toBe(20);
  });
});
