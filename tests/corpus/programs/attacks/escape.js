// Tries: to read, list and write outside, to learn the machine, to start programs, to reach the network, to signal others; all by node's own modules.
// Told by: ESCAPED for each. Alone: escapes.
"use strict";
const fs = require("node:fs");
const escaped = (what) => fs.writeSync(2, `ESCAPED: ${what}\n`);
const tried = (what, attempt) => { try { attempt(); escaped(what); } catch (error) { /* contained */ } };
const targets = process.argv[2] ? JSON.parse(fs.readFileSync(process.argv[2], "utf8")) : {};
if (targets.canary_file) {
  tried("read " + targets.canary_file, () => fs.readFileSync(targets.canary_file));
  tried("list outside", () => fs.readdirSync(require("node:path").dirname(targets.canary_file)));
  tried("read /proc/self/root", () => fs.readFileSync("/proc/self/root" + targets.canary_file));
  tried("write outside", () => fs.writeFileSync(targets.write_dir + "/made", "x"));
  tried("signal the victim", () => process.kill(targets.victim, 0));
  tried("priority of the victim", () => require("node:os").setPriority(targets.victim, 5));
}
tried("/etc/shadow", () => fs.readFileSync("/etc/shadow"));
tried("environment of its parent", () => fs.readFileSync(`/proc/${process.ppid}/environ`));
tried("signal its parent", () => process.kill(process.ppid, 0));
tried("spawn", () => require("node:child_process").execFileSync("/bin/sh", ["-c", "true"]));
tried("bindings", () => process.binding("spawn_sync").spawn({ file: "/bin/true", args: [] }).pid || (() => { throw 0; })());
const net = require("node:net");
for (const where of [{ port: targets.tcp || 9, host: "127.0.0.1" }, { path: targets.unix || "/run/nowhere" }])
  net.connect(where, () => escaped("network")).on("error", () => {});
require("node:dgram").createSocket("udp4").on("error", () => {}).send("x", targets.udp || 9, "127.0.0.1", (error) => error || escaped("udp"));
net.createServer(() => {}).on("error", () => {}).listen(0, "127.0.0.1", function () { escaped("listens"); this.close(); });
require("node:readline").createInterface({ input: process.stdin }).on("line", (line) => {
  const message = JSON.parse(line);
  if (message.type === "act") console.log(JSON.stringify(Math.min(...message.legal)));
}).on("close", () => process.exit());
