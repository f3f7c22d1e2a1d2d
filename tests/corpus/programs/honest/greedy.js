// Plays the greatest legal integer, with a worker that sorts and a promise that waits.
"use strict";
const { Worker } = require("node:worker_threads");
const worker = new Worker(
  'const { parentPort } = require("node:worker_threads"); parentPort.on("message", (list) => parentPort.postMessage(Math.max(...list)));',
  { eval: true },
);
let asked = 0;
let over = false;
const rest = () => over && asked === 0 && worker.terminate();
worker.on("message", (best) => setTimeout(() => { console.log(JSON.stringify(best)); asked--; rest(); }, 1));
require("node:readline").createInterface({ input: process.stdin }).on("line", (line) => {
  const message = JSON.parse(line);
  if (message.type === "act") { asked++; worker.postMessage(message.legal); }
  if (message.type === "end") { over = true; rest(); }
});
