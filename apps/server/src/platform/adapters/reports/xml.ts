import type { XmlElement } from "@latchkey/core/delivery/gates/xml-element";
import { err, ok, type Result } from "@latchkey/core/shared/result";
import { DOMParser, type Element } from "@xmldom/xmldom";

/** A report of 50,000 tests has about 8 MB; parsing it takes about ten times that in memory. */
export const XML_BYTES_MAX = 10e6;
/** Suites in suites: tools nest fewer than ten. */
const DEPTH_MAX = 100;

/**
 * Reads an XML report. A document type may name a DTD, as Cobertura's does, which is never fetched; one that declares
 * anything itself is refused, for entities can be made to grow without end.
 */
export function readXml(text: string): Result<XmlElement, string> {
  if (Buffer.byteLength(text) > XML_BYTES_MAX)
    return err(`has more than ${XML_BYTES_MAX / 1e6} MB, the most that is read.`);
  let wrong: string | null = null;
  try {
    const onError = (_level: string, message: string) => {
      wrong ??= message;
    };
    const document = new DOMParser({ onError, locator: false }).parseFromString(
      text.replace(/^\uFEFF/, ""),
      "text/xml",
    );
    const root = document.documentElement;
    if (wrong !== null || root === null) return err(`is no XML: ${firstLine(wrong ?? "it is empty")}`);
    if (document.doctype?.internalSubset) return err("declares things in its document type, which is refused.");
    if (isTooDeep(root)) return err(`is nested more than ${DEPTH_MAX} deep.`);
    return ok(elementOf(root));
  } catch (error) {
    return err(`is no XML: ${firstLine(error instanceof Error ? error.message : String(error))}`);
  }
}

const firstLine = (text: string): string => (text.split("\n")[0] ?? "").slice(0, 200);

/** Without recursion, which a deep document would break. */
function isTooDeep(root: Element): boolean {
  let level: Element[] = [root];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth >= DEPTH_MAX) return true;
    level = level.flatMap(elementsOf);
  }
  return false;
}

function elementsOf(element: Element): Element[] {
  const found: Element[] = [];
  for (let node = element.firstChild; node !== null; node = node.nextSibling)
    if (node.nodeType === node.ELEMENT_NODE) found.push(node as Element);
  return found;
}

function elementOf(element: Element): XmlElement {
  const attributes: Record<string, string> = {};
  for (let i = 0; i < element.attributes.length; i++) {
    const one = element.attributes.item(i);
    if (one) attributes[one.name] = one.value;
  }
  return {
    name: element.localName ?? element.nodeName,
    attributes,
    children: elementsOf(element).map(elementOf),
    // Only asked for where something failed: the whole document's text at every level would be large.
    get text() {
      return element.textContent ?? "";
    },
  };
}
