/**
 * The command table's part for `tls`.
 */

import { type CommandSpec, CONFIG, HELP } from "./command.ts";

/** `rtool tls`. */
export const TLS_COMMAND: CommandSpec = {
  name: "tls",
  operands: "[list | init | server | client NAME]",
  summary: "Make and list certificates, for a server and its clients",
  options: [
    {
      name: "dir",
      kind: "text",
      value: "DIR",
      help: "Where they are (default: rtool/tls in $XDG_CONFIG_HOME)",
    },
    {
      name: "name",
      kind: "text",
      value: "HOST",
      help: "A name or address clients reach the server by; may be repeated",
      repeat: true,
      list: true,
    },
    {
      name: "expires",
      kind: "text",
      value: "TIME",
      help: "The new certificate ends after this, such as 90d",
      fallback: "365d",
    },
    { name: "force", kind: "flag", help: "Replace files that are there" },
    { name: "json", kind: "flag", help: "Print one JSON document" },
    CONFIG,
    HELP,
  ],
  notes: [
    "init    makes an authority of one's own, ca.pem, and the server's certificate, server.pem",
    "server  makes another server.pem; send a running server SIGHUP",
    "client  makes NAME.pem; what NAME may do, [certificate.NAME] of the configuration says",
    "Each .pem has its private key in the .key beside it (mode 0600). Clients need ca.pem, and",
    "their own two files; ca.key stays where it is: whoever has it can make certificates.",
  ],
};
