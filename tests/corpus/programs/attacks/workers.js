// Tries: to take all cores whoever is to move: eight workers that spin from the start.
// Told by: its opponent times out or is slower than alone.
"use strict";
const { Worker } = require("node:worker_threads");
for (let n = 0; n < 8; n++) new Worker("for (;;);", { eval: true }).on("error", () => {});
require("node:readline").createInterface({ input: process.stdin }).on("line", (line) => {
  const message = JSON.parse(line);
  if (message.type === "act") console.log(JSON.stringify(Math.min(...message.legal)));
}).on("close", () => process.exit());
