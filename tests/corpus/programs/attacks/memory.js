// Tries: to hold 1500 MiB in buffers outside of the heap's own limit.
// Told by: ESCAPED above 1200 MiB.
"use strict";
const fs = require("node:fs");
const held = [];
try {
  while (held.length < 1500) held.push(Buffer.alloc(1 << 20, 1));
} catch (error) { /* contained */ }
if (held.length > 1200) fs.writeSync(2, `ESCAPED: ${held.length} MiB\n`);
require("node:readline").createInterface({ input: process.stdin }).on("line", (line) => {
  const message = JSON.parse(line);
  if (message.type === "act") console.log(JSON.stringify(Math.min(...message.legal)));
});
