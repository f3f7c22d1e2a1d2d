"use strict";
// In a folder, data are scripts, one file each: a page opened from there may load scripts, but may not fetch anything.
// A server has them at an address, which the script's element names, with those that links begin with.
const evalengine = (() => {
  const {source = null, match = "match.html?no=", matches = "matches.html"} = document.currentScript.dataset;
  const taken = new Map();
  const awaited = new Map();

  function take(name, value) { taken.set(name, value); }

  async function fetched(name) {
    const answer = await fetch(`${source}${name}.json`, {headers: {accept: "application/json"}});
    if (!answer.ok) throw new Error(`the server has no ${name} of this match (${answer.status}): reload the page`);
    return answer.json();
  }

  function load(name) {
    if (source !== null && !awaited.has(name)) awaited.set(name, fetched(name));
    if (taken.has(name)) return Promise.resolve(taken.get(name));
    if (!awaited.has(name)) {
      awaited.set(name, new Promise((resolve, reject) => {
        const script = document.createElement("script");
        script.src = `data/${name}.js`;
        script.onload = () => (taken.has(name) ? resolve(taken.get(name)) : reject(new Error(`${name} is damaged`)));
        script.onerror = () => reject(new Error(`data/${name}.js is missing: copy the whole folder`));
        document.head.append(script);
      }));
    }
    return awaited.get(name);
  }

  // All that is shown passes here, as text and never as markup: names and logs are anybody's.
  function element(tag, attributes = {}, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (value !== null && value !== false) made.setAttribute(name, value);
    }
    made.append(...children.filter((child) => child !== null));
    return made;
  }

  const name = (text) => element("bdi", {}, text);

  // A row: number, game, agents, places, end, faults, turns, milliseconds, flags, scores.
  function matchName(meta, row) {
    return `${meta.games[row[1]]}::${row[2].map((agent) => meta.agents[agent]).join("-vs-")}[${row[0]}]`;
  }

  function winners(row) {
    return row[2].map((agent, seat) => [agent, row[3][seat]]).filter(([, place]) => place === 1).map(([agent]) => agent);
  }

  function result(meta, row) {
    if (meta.ends[row[4]] === "void") return "void";
    const best = [...new Set(winners(row))].map((agent) => meta.agents[agent]);
    const scores = row[9] ? ` (${row[9].map((score) => +score.toPrecision(4)).join(", ")})` : "";
    if (new Set(row[3]).size === 1) return (row[2].length > 1 ? "draw" : "played") + scores;
    return `${best.join(", ")} won${scores}`;
  }

  function time(us) {
    if (us === null || us === undefined) return "–";
    if (us < 1000) return `${us} µs`;
    return us < 1e6 ? `${(us / 1e3).toFixed(1)} ms` : `${(us / 1e6).toFixed(2)} s`;
  }

  return {links: {match, matches}, served: source !== null, take, load, element, name, matchName, winners, result, time};
})();
