const KIND = "Who runs the releases: local, haproxy, command or netlify. Docs: docs/guides/targets.md.";

/** What an editor shows beside the fields of a target, by its kind. */
export const TARGET_WORDS: Readonly<Record<string, string>> = {
  target:
    "Who runs the releases and splits the traffic: { kind: local } is this server with Latchkey's gateway, as when it is left out; { kind: haproxy, bind } is a HAProxy of the server's machine; { kind: command, prepare, retire } are scripts of yours; { kind: netlify, siteId, mode, split } is a site of Netlify.",
  targets: "Another target for some environments, by their names.",
  "target.local.kind": KIND,
  "target.haproxy.kind": KIND,
  "target.haproxy.bind": "Where HAProxy takes visitors in: an address and a port.",
  "target.haproxy.folder":
    "Where its configuration is written and its socket is; a folder below the server's own when left out.",
  "target.command.kind": KIND,
  "target.command.prepare":
    "Script that brings a release up without visitors and answers where it is; each word is an entry, the first an absolute path or a program in PATH.",
  "target.command.retire": "Script that ends a release; one that it does not know it answers as if it had ended it.",
  "target.command.route":
    "Script that splits the traffic, with counts; Latchkey's gateway does when both are left out.",
  "target.command.counts": "Script that says how many requests and errors each release had.",
  "target.command.prepareTimeoutMs": "Then prepare is killed; ten minutes when it is left out.",
  "target.command.routeTimeoutMs": "Then route is killed; a minute when it is left out.",
  "target.command.retireTimeoutMs": "Then retire is killed; five minutes when it is left out.",
  "target.command.countsTimeoutMs": "Then counts is killed; ten seconds when it is left out.",
  "target.command.environmentVariables":
    "Names of the server's variables that the scripts get along, such as AWS_PROFILE. Their values are in no configuration.",
  "target.netlify.kind": KIND,
  "target.netlify.siteId": "The Project ID, under Project configuration on Netlify.",
  "target.netlify.mode": "git: Netlify builds the commit; upload: what Latchkey has built is uploaded.",
  "target.netlify.split":
    "Who splits the traffic: gateway is Latchkey's in front of the site; edge is an Edge Function in it, with mode: git.",
  "target.netlify.branch": "Whose deploys are the releases: the site's production branch; main when it is left out.",
  "target.netlify.buildTimeoutMs": "How long a deploy may take; twenty minutes when it is left out.",
};
