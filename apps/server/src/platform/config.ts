/**
 * The server's own configuration: `config.json` in its data folder, then the environment, then flags; the later wins.
 * Its schema stands in @latchkey/config, because the supervisor and `latchkey config check --server` read it too.
 */
export { readServerConfig as readConfig, type ServerConfig as Config, sharedDirOf } from "@latchkey/config/server";
