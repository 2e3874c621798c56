import type { Document, LineCounter, Node, Pair, YAMLMap } from "yaml";
import { ConfigError, fileMistake, type Mistake, type Place } from "./mistakes.ts";

/** One service as it was written, with a way to tell where each of its fields stands in the file. */
export interface WrittenService {
  readonly given: unknown;
  readonly placeOf: (mistake: Mistake) => Place | null;
}

/** Several documents, each a service or a list of services. Throws a ConfigError for text that is no YAML. */
export async function readYaml(file: string, text: string): Promise<WrittenService[]> {
  // By its default: bundled, a CommonJS module has no other name.
  const { default: yaml } = await import("yaml");
  const counter = new yaml.LineCounter();
  // `merge` allows `<<: *defaults`, which people use to share fields between services.
  const parsed = yaml.parseAllDocuments(text, { lineCounter: counter, merge: true, prettyErrors: false });
  const documents = Array.isArray(parsed) ? parsed : [];
  const errors = documents.flatMap((document) => document.errors);
  if (errors.length > 0) {
    const mistakes = errors.map((error) =>
      fileMistake(PLAIN[error.code] ?? sentence(error.message), placeAt(counter, error.pos[0])),
    );
    throw new ConfigError(file, mistakes, text);
  }
  const written = documents.flatMap((document) => servicesOf(document, counter, yaml.isSeq(document.contents)));
  if (written.length === 0)
    throw new ConfigError(file, [fileMistake("it is empty. A service needs name, source and build.")]);
  return written;
}

function servicesOf(document: Document.Parsed, counter: LineCounter, isList: boolean): WrittenService[] {
  if (document.contents === null) return [];
  const value: unknown = document.toJS();
  if (!isList) return [{ given: value, placeOf: (mistake) => find(document, [], mistake, counter) }];
  return (value as unknown[]).map((given, i) => ({
    given,
    placeOf: (mistake: Mistake) => find(document, [i], mistake, counter),
  }));
}

/** The place of a field; of its parent when the field is missing; of the key when the key is what is wrong. */
function find(
  document: Document.Parsed,
  base: (string | number)[],
  mistake: Mistake,
  counter: LineCounter,
): Place | null {
  const path = [...base, ...mistake.path];
  if (mistake.atKey) {
    const parent = document.getIn(path.slice(0, -1), true) as YAMLMap | undefined;
    const pair = parent?.items?.find((item: Pair) => keyText(item) === String(path.at(-1)));
    const place = rangeStart(pair?.key, counter);
    if (place) return place;
  }
  for (let length = path.length; length >= 0; length--) {
    const node = length === 0 ? document.contents : document.getIn(path.slice(0, length), true);
    const place = rangeStart(node, counter);
    if (place) return place;
  }
  return null;
}

/** The parser's words where ours are plainer. */
const PLAIN: Readonly<Record<string, string>> = {
  DUPLICATE_KEY: "this field is there twice. Keep one of them.",
  TAB_AS_INDENT: "a tab stands where spaces must be. Indent with spaces.",
};

const keyText = (pair: Pair): string => String((pair.key as { value?: unknown } | null)?.value ?? "");

function rangeStart(node: unknown, counter: LineCounter): Place | null {
  const range = (node as Node | undefined)?.range;
  return range ? placeAt(counter, range[0]) : null;
}

function placeAt(counter: LineCounter, offset: number): Place {
  const { line, col } = counter.linePos(offset);
  return { line, column: col };
}

const sentence = (text: string): string => (/[.!?]$/.test(text) ? text : `${text}.`);
