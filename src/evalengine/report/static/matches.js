"use strict";
(async () => {
  const {load, element, name, matchName, winners, result, time} = evalengine;
  const EACH = 100;
  const PICTURES = 1;
  const form = document.getElementById("filters");
  if (!form) return;
  const status = document.getElementById("status");
  const body = document.querySelector("#list tbody");
  const back = document.getElementById("back");
  const on = document.getElementById("on");
  const meta = await load("meta");
  const rows = [];
  let shown = [];
  let start = 0;
  let loading = true;

  const fields = [...form.elements].filter((field) => field.name);
  const asked = new URLSearchParams(location.search);
  for (const field of fields) {
    if (!asked.has(field.name)) continue;
    if (field.type === "checkbox") field.checked = asked.get(field.name) === "1";
    else if ([...field.options].some((option) => option.value === asked.get(field.name))) field.value = asked.get(field.name);
  }

  function wanted() {
    const found = {};
    for (const field of fields) found[field.name] = field.type === "checkbox" ? field.checked : field.value;
    for (const key of ["game", "agent", "against"]) found[key] = found[key] === "" ? null : Number(found[key]);
    return found;
  }

  function resultFits(row, wish) {
    const end = meta.ends[row[4]];
    if (wish.result === "void") return end === "void";
    if (end === "void") return false;
    const even = new Set(row[3]).size === 1;
    const best = winners(row);
    if (wish.result === "drawn") return even || best.length > 1;
    if (wish.result === "decided") return !even;
    if (even) return false;
    if (wish.agent === null) return true;
    return best.includes(wish.agent) === (wish.result === "won");
  }

  function faultFits(row, wish) {
    if (wish.fault === "none") return row[5].length === 0;
    if (wish.fault === "some") return row[5].length > 0;
    return row[5].some(([kind, seat]) => (wish.fault === "own" || meta.kinds[kind] === wish.fault)
      && (wish.agent === null || row[2][seat] === wish.agent));
  }

  function fits(row, wish) {
    if (wish.game !== null && row[1] !== wish.game) return false;
    if (wish.agent !== null && !row[2].includes(wish.agent)) return false;
    if (wish.against !== null) {
      const rest = [...row[2]];
      if (wish.agent !== null) rest.splice(rest.indexOf(wish.agent), 1);
      if (!rest.includes(wish.against)) return false;
    }
    if (wish.result && !resultFits(row, wish)) return false;
    if (wish.fault && !faultFits(row, wish)) return false;
    return !wish.pictures || (row[8] & PICTURES) !== 0;
  }

  function ended(row) {
    const end = meta.ends[row[4]];
    const faults = row[5].filter(([, seat]) => seat >= 0).map(([kind, seat]) => `${meta.kinds[kind]} of ${meta.agents[row[2][seat]]}`);
    if (faults.length) return element("td", {class: "bad"}, name(faults.join(", ")));
    return element("td", {class: end === "void" ? "bad" : "ended"}, end === "rules" ? "the rules" : end.replace("_", " "));
  }

  function line(row) {
    const link = element("a", {href: `match.html?no=${row[0]}`}, name(matchName(meta, row)));
    return element("tr", {},
      element("th", {scope: "row"}, link),
      element("td", {}, name(result(meta, row))),
      element("td", {class: "number"}, String(row[6])),
      element("td", {class: "number nowrap"}, time(row[7] * 1e3)),
      ended(row));
  }

  function draw() {
    body.replaceChildren(...shown.slice(start, start + EACH).map(line));
    back.disabled = start === 0;
    on.disabled = start + EACH >= shown.length;
    const more = loading ? ` so far, ${rows.length.toLocaleString("en")} read` : "";
    if (!shown.length) {
      status.textContent = loading ? "Loading …" : "No match fits. “Show all” takes the filters away.";
      return;
    }
    const end = Math.min(start + EACH, shown.length);
    status.textContent = `${(start + 1).toLocaleString("en")} to ${end.toLocaleString("en")} of ${shown.length.toLocaleString("en")} matches${more}`;
  }

  function choose() {
    const wish = wanted();
    shown = rows.filter((row) => fits(row, wish));
    const by = {turns: 6, time: 7}[wish.order];
    if (by) shown.sort((one, other) => other[by] - one[by] || one[0] - other[0]);
    draw();
  }

  function chosen() {
    const query = new URLSearchParams();
    for (const field of fields) {
      if (field.type === "checkbox" ? field.checked : field.value) query.set(field.name, field.value);
    }
    history.replaceState(null, "", query.size ? `?${query}` : location.pathname);
    start = 0;
    choose();
  }

  form.addEventListener("change", chosen);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(chosen));
  back.addEventListener("click", () => { start = Math.max(0, start - EACH); draw(); });
  on.addEventListener("click", () => { start += EACH; draw(); });

  try {
    for (let number = 0; number < meta.lists; number += 1) {
      const part = await load(`list-${number}`);
      for (const row of part) rows.push(row);
      loading = number + 1 < meta.lists;
      choose();
    }
  } catch (error) {
    status.textContent = error.message;
  }
})();
