// Tries: to print for ever instead of an answer.
// Told by: the engine's memory or time; the match must end.
"use strict";
const fs = require("node:fs");
process.stdin.once("data", () => { for (;;) fs.writeSync(1, "A".repeat(65536)); });
