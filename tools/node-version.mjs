// Read by Nodes that may be old: nothing in this file or in start.mjs may be newer than Node 12.
export var OLDEST = [20, 19];

/** Why this version of Node does not do, or null. */
export function complaintAbout(version) {
  var parts = String(version).split(".").map(Number);
  if (parts[0] > OLDEST[0] || (parts[0] === OLDEST[0] && parts[1] >= OLDEST[1])) return null;
  return (
    "Latchkey needs Node " +
    OLDEST.join(".") +
    " or newer; this is " +
    version +
    ". Get one from https://nodejs.org" +
    " (or `nvm install 22`), then try again."
  );
}
