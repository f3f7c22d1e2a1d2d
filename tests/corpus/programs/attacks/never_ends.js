// Tries: to live on after the match: a timer, an exit handler that never returns, signals ignored.
// Told by: a process is left.
"use strict";
setInterval(() => {}, 1000);
process.on("exit", () => { for (;;); });
for (const name of ["SIGTERM", "SIGINT", "SIGHUP", "SIGPIPE"]) process.on(name, () => {});
require("node:readline").createInterface({ input: process.stdin }).on("line", (line) => {
  const message = JSON.parse(line);
  if (message.type === "act") console.log(JSON.stringify(Math.min(...message.legal)));
});
