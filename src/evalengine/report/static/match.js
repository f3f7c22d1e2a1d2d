"use strict";
(async () => {
  const {links, served, load, element, name, time} = evalengine;
  const PLAY_MS = 700;
  const part = (id) => document.getElementById(id);
  const meta = await load("meta");

  // ------------------------------------------------------------------ which match

  function shardOf(number) {
    let found = -1;
    meta.firsts.forEach((first, shard) => { if (first <= number) found = shard; });
    return found;
  }

  function missing(text) {
    part("told").textContent = text;
    part("told").className = "notice";
  }

  const number = Number(new URLSearchParams(location.search).get("no") ?? meta.firsts[0]);
  const shard = shardOf(number);
  let data = null;
  let row = null;
  let match = null;
  try {
    if (shard >= 0) {
      data = await load(`turns-${shard}`);
      match = data.matches.find((one) => one.no === number) ?? null;
    }
    if (match) row = (await load(`list-${meta.places[shard]}`)).find((one) => one[0] === number);
  } catch (error) {
    missing(error.message);
    return;
  }
  if (!match) {
    missing(`Match ${number} is not in this report. At the terminal: evalengine show ${meta.run}/${number}${meta.db}`);
    return;
  }

  // ------------------------------------------------------------------ frames

  function unpacked(packed, join) {
    let before = [];
    return (packed ?? []).map(([first, last, middle]) => {
      before = [...before.slice(0, first), ...middle, ...before.slice(before.length - last)];
      return before.map((chunk) => data.chunks[chunk]).join(join);
    });
  }

  const pictures = unpacked(match.pictures, "<");
  const texts = unpacked(match.texts, "\n");
  const turns = match.turns ?? [];
  const agents = row[2].map((agent) => meta.agents[agent]);
  const id = evalengine.matchName(meta, row);
  const quoted = `'${`${meta.run}/${id}`.replaceAll("'", "'\\''")}'`;

  // ------------------------------------------------------------------ what does not change

  // Who decided before any agent was asked: the opening, the parent of a branch, or who held an action for a seat.
  const deciders = (match.before ?? []).flatMap(([who, count]) => Array(count).fill(who));

  function fillSeats() {
    const spent = agents.map(() => [0, 0, 0]);
    turns.forEach((acts, turn) => acts.forEach(([seat, , us]) => {
      if (us === null || us === undefined) return;
      spent[seat][0] += us;
      if (us >= spent[seat][1]) spent[seat] = [spent[seat][0], us, turn];
    }));
    agents.forEach((agent, seat) => {
      const kinds = (match.faults ?? []).filter((fault) => fault[1] === seat).map((fault) => `${fault[2]} in turn ${fault[0]}`);
      const [all, longest, turn] = spent[seat];
      part("seats").append(element("tr", {},
        element("td", {class: "number"}, String(seat)),
        element("th", {scope: "row"}, element("a", {href: `${links.matches}?agent=${row[2][seat]}`}, name(agent))),
        element("td", {class: "number"}, String(row[3][seat])),
        element("td", {class: "number"}, String(+match.scores[seat].toPrecision(6))),
        element("td", {class: kinds.length ? "bad" : ""}, kinds.join(", ") || "none"),
        element("td", {class: "number"}, time(all)),
        element("td", {class: "number"}, all ? `${time(longest)} (turn ${turn})` : "–")));
    });
  }

  function fillTurns() {
    turns.forEach((acts, turn) => {
      acts.forEach(([seat, text, us, info], place) => {
        const told = element("td", {}, name(text));
        if (info !== undefined) told.append(element("small", {}, element("br"), name(info)));
        part("turns").append(element("tr", {"data-turn": turn},
          element("td", {class: "number"}, place ? "" : element("a", {href: `#turn=${turn}`}, String(turn))),
          element("td", {}, deciders[turn] ?? name(agents[seat])),
          told,
          element("td", {class: "number nowrap"}, time(us))));
      });
    });
    part("turns").append(element("tr", {"data-turn": turns.length},
      element("td", {class: "number"}, element("a", {href: `#turn=${turns.length}`}, String(turns.length))),
      element("td", {}, "the end"), element("td", {}, name(evalengine.result(meta, row))), element("td")));
  }

  function fillFaults() {
    part("faults-box").hidden = !match.faults;
    for (const [turn, seat, kind, reason, traceback] of match.faults ?? []) {
      const who = seat === null ? "nobody" : agents[seat];
      const head = element("h3", {}, element("span", {class: "kind"}, kind),
        element("a", {href: `#turn=${turn}`}, `turn ${turn}`), ", ", name(who));
      const box = element("article", {class: "fault"}, head, element("p", {class: "reason"}, name(reason)));
      if (traceback) box.append(element("pre", {tabindex: 0, "aria-label": `Traceback of ${who}`}, traceback));
      part("faults").append(box);
    }
  }

  function fillLogs() {
    if (!match.logs) part("logs").append(element("p", {class: "empty"}, "Nobody wrote anything."));
    for (const [seat, stream, text] of match.logs ?? []) {
      const title = element("h3", {}, `${stream} of `, name(agents[seat]), ` (seat ${seat})`);
      const told = text === null ? "left out: the logs of this run are long; evalengine show has it" : text;
      part("logs").append(title, element("pre", {tabindex: 0, "aria-label": `${stream} of ${agents[seat]}`}, told));
    }
  }

  function fillLinks() {
    const place = data.matches.indexOf(match);
    const [before, after] = meta.around ?? [
      place ? data.matches[place - 1].no : null,
      place + 1 < data.matches.length ? data.matches[place + 1].no : meta.firsts[shard + 1] ?? null,
    ];
    for (const [link, to] of [["before", before], ["after", after]]) {
      part(link).hidden = to === null;
      if (to !== null) part(link).href = `${links.match}${to}`;
    }
    if (before === null && shard > 0) {
      part("before").hidden = false;
      load(`turns-${shard - 1}`).then((other) => { part("before").href = `${links.match}${other.matches.at(-1).no}`; }, () => { part("before").hidden = true; });
    }
  }

  // ------------------------------------------------------------------ the player

  let now = 0;
  let timer = null;

  function did(turn) {
    return turns[turn].map(([seat, text, us]) => {
      const who = deciders[turn] ? {opening: "the opening", parent: "the parent", held: "held"}[deciders[turn]] : agents[seat];
      return `${who}: ${text}${us === null || us === undefined ? "" : `, ${time(us)}`}`;
    }).join("; ");
  }

  function caption() {
    if (now === turns.length) return `The end, after ${turns.length} turns: ${evalengine.result(meta, row)}`;
    return `Before turn ${now} of ${turns.length}. Then ${did(now)}`;
  }

  function draw() {
    if (pictures.length) {
      part("picture").src = `data:image/svg+xml,${encodeURIComponent(pictures[now])}`;
      part("picture").alt = texts[now] ?? caption();
    }
    if (texts.length) part("text").textContent = texts[now];
    part("caption").textContent = caption();
    part("turn").value = now;
    part("turn").setAttribute("aria-valuetext", caption());
    for (const [ids, end] of [[["first", "previous"], 0], [["next", "last"], turns.length]]) {
      for (const button of ids) part(button).disabled = now === end;
    }
    part("replay").textContent = `evalengine replay ${quoted} --turn ${now}${meta.db}`;
    const box = document.querySelector(".tall");
    for (const line of part("turns").rows) {
      if (Number(line.dataset.turn) === now) {
        line.setAttribute("aria-current", "step");
        const hidden = line.offsetTop < box.scrollTop + 60 || line.offsetTop + line.offsetHeight > box.scrollTop + box.clientHeight;
        if (hidden) box.scrollTop = line.offsetTop - box.clientHeight / 2;
      } else line.removeAttribute("aria-current");
    }
  }

  function go(turn) {
    now = Math.max(0, Math.min(turns.length, turn));
    history.replaceState(null, "", `#turn=${now}`);
    draw();
  }

  function stop() {
    clearInterval(timer);
    timer = null;
    part("play").textContent = "▶ play";
  }

  function play() {
    if (timer !== null) { stop(); return; }
    if (now === turns.length) go(0);
    part("play").textContent = "❚❚ pause";
    timer = setInterval(() => {
      go(now + 1);
      if (now === turns.length) stop();
    }, PLAY_MS);
  }

  function fromAddress() {
    const found = /^#turn=(\d+)$/.exec(location.hash);
    return found ? Number(found[1]) : null;
  }

  function key(event) {
    if (event.ctrlKey || event.altKey || event.metaKey || event.target.closest("select, textarea, input")) return;
    const to = {ArrowLeft: now - 1, ArrowRight: now + 1, Home: 0, End: turns.length}[event.key];
    if (to !== undefined) { stop(); go(to); }
    else if (event.key === " " && !event.target.closest("button, a, summary, pre, .scroll")) play();
    else return;
    event.preventDefault();
  }

  const seconds = time(row[7] * 1e3);
  const parent = match.branch ? ` Continues ${match.branch[0]} from turn ${match.branch[1]}.` : "";
  const end = meta.ends[row[4]];
  document.title = `${id} – run ${meta.run}`;
  part("name").replaceChildren(name(id));
  part("told").textContent = `${evalengine.result(meta, row)}; ${turns.length} turns in ${seconds}, ended by ${end === "rules" ? "the rules" : end.replace("_", " ")}.${parent}${match.note ? ` ${match.note}` : ""}`;
  part("show").textContent = `evalengine show ${quoted}${meta.db}`;
  fillSeats();
  fillTurns();
  fillFaults();
  fillLogs();
  fillLinks();
  part("picture").hidden = !pictures.length;
  part("picture").addEventListener("error", () => {
    part("picture").hidden = true;
    part("text-box").open = true;
  });
  part("text-box").hidden = !texts.length;
  part("text-box").open = !pictures.length;
  part("no-picture").hidden = texts.length > 0;
  part("no-picture").replaceChildren(
    served ? "There are no pictures of this match: it is too long, or does not replay. See its positions with " : "This report has no pictures of this match. See its positions with ",
    element("code", {}, `evalengine replay ${quoted}${meta.db}`),
    ...(served ? [] : [", or write a report with more of them: ", element("code", {}, `evalengine report --run ${meta.run} --frames ${Math.min(1e6, (meta.framed || 500) * 2)} -o FOLDER${meta.db}`)]));
  part("turn").max = turns.length;
  part("turn").addEventListener("input", (event) => { stop(); go(Number(event.target.value)); });
  part("first").addEventListener("click", () => { stop(); go(0); });
  part("previous").addEventListener("click", () => { stop(); go(now - 1); });
  part("next").addEventListener("click", () => { stop(); go(now + 1); });
  part("last").addEventListener("click", () => { stop(); go(turns.length); });
  part("play").addEventListener("click", play);
  document.addEventListener("keydown", key);
  window.addEventListener("hashchange", () => { stop(); now = Math.min(turns.length, fromAddress() ?? now); draw(); });
  part("match").hidden = false;
  now = Math.min(turns.length, fromAddress() ?? 0);
  draw();
})();
