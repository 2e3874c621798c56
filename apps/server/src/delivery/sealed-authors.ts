import type { Builder } from "@latchkey/core/delivery/ports";
import type { Subjects } from "../ledger/index.ts";

/** A builder whose authors of commits are sealed as soon as they are read: nobody's name is written in clear. */
export function sealingAuthors(builder: Builder, subjects: Pick<Subjects, "sealName">): Builder {
  const sealed = async <T extends { readonly author: string }>(of: T): Promise<T> =>
    of.author === "" ? of : { ...of, author: await subjects.sealName(of.author) };
  return {
    freeBytes: () => builder.freeBytes(),
    gate: (spec) => builder.gate(spec),
    contains: (folder, newer, older) => builder.contains(folder, newer, older),
    abort: () => builder.abort(),
    build: async (spec) => {
      const built = await builder.build(spec);
      return built.outcome === "passed" ? { ...built, source: await sealed(built.source) } : built;
    },
    changesBetween: async (folder, from, to) => {
      const changes: Awaited<ReturnType<Builder["changesBetween"]>>[number][] = [];
      // One after the other: many commits have the same author, whose key is then made once.
      for (const change of await builder.changesBetween(folder, from, to)) changes.push(await sealed(change));
      return changes;
    },
  };
}
