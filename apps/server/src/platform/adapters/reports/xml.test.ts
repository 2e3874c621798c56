import { readCobertura } from "@latchkey/core/delivery/gates/coverage-reports";
import { readJUnit } from "@latchkey/core/delivery/gates/test-reports";
import { describe, expect, it } from "vitest";
import { readXml, XML_BYTES_MAX } from "./xml.ts";

describe("an XML report", () => {
  it("is read with attributes, children and text", () => {
    const read = readXml(
      '<?xml version="1.0"?>\n<testsuites><testsuite name="a"><testcase name="adds" classname="sum"><failure message="">1 &lt; 2<![CDATA[ <!DOCTYPE html>]]></failure></testcase></testsuite></testsuites>',
    );
    if (!read.ok) throw new Error(read.error);
    expect(readJUnit(read.value)).toEqual({
      ok: true,
      value: {
        ...{ passed: 0, skipped: 0, broken: [], flaky: [] },
        failed: [{ name: "sum › adds", message: "1 < 2 <!DOCTYPE html>" }],
      },
    });
  });

  it("may name a DTD, as Cobertura's does, which nobody fetches", () => {
    const read = readXml(
      '<!DOCTYPE coverage SYSTEM "http://cobertura.sourceforge.net/xml/coverage-04.dtd"><coverage><packages><package><classes><class filename="a.ts"><lines><line number="1" hits="1"/></lines></class></classes></package></packages></coverage>',
    );
    expect(read.ok && readCobertura(read.value).ok).toBe(true);
  });

  it.each([
    ["with entities of its own", '<!DOCTYPE a [<!ENTITY b "c">]><a>c</a>', "document type"],
    ["that is not closed", "<a><b></a>", "is no XML"],
    ["that is cut short", "<a><b>", "is no XML"],
    ["that is empty", "", "is no XML"],
    ["that is something else", "all tests passed", "is no XML"],
    ["with an unknown entity", "<a>&b;</a>", "is no XML"],
    ["that is nested too deep", "<a>".repeat(5_000) + "</a>".repeat(5_000), "100 deep"],
    ["that is too large", `<a>${"b".repeat(XML_BYTES_MAX)}</a>`, "10 MB"],
  ])("%s is refused", (_, text, why) => {
    const read = readXml(text);
    expect(read).toMatchObject({ ok: false });
    expect(read.ok ? "" : read.error).toContain(why);
  });
});
