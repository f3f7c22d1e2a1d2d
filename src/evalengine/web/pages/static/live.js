"use strict";
// Follows a live match: the server sends the whole panel, already safe, and hears what a person chooses. Without this
// script the same forms work, a page a turn.
(() => {
  const table = document.getElementById("table");
  const address = table.dataset.follow;
  const connection = document.getElementById("connection");
  if (!address) return;
  let socket = null;
  let over = false;
  let lost = false; // it was there, and is not: a form would lead to the browser's own error page
  let opened = false;
  let wait_ms = 500;
  let shown = Promise.resolve(); // panels are shown in their order

  // ------------------------------------------------------------------ what the server says

  function connect() {
    socket = new WebSocket(address.startsWith("/") ? `${location.origin.replace(/^http/, "ws")}${address}` : address);
    socket.onopen = () => { wait_ms = 500; lost = false; opened = true; connection.textContent = ""; };
    socket.onmessage = (event) => {
      const told = JSON.parse(event.data);
      if (told.over) over = true; // the server closes now, maybe before its last picture is here
      if (told.refused !== undefined) refuse(told.refused);
      else shown = shown.then(() => show(told));
    };
    socket.onclose = () => {
      if (over) return;
      lost = opened;
      connection.textContent = "The connection is lost; trying again …";
      setTimeout(connect, wait_ms);
      wait_ms = Math.min(10000, wait_ms * 2);
    };
  }

  // The new picture is fetched before the old one goes, so that the page does not jump.
  async function show(told) {
    const picture = told.html.includes(told.picture) ? new Image() : null;
    if (picture) {
      picture.src = told.picture;
      await picture.decode().catch(() => {});
    }
    const before = document.activeElement;
    const inside = table.contains(before);
    if (inside && before.id !== "status") place = before.matches(".touch") ? spot(before) : null;
    const written = document.getElementById("text")?.value ?? "";
    const open = document.getElementById("text-box")?.open;
    table.innerHTML = told.html;
    table.classList.remove("waiting");
    if (document.getElementById("text")) document.getElementById("text").value = written && !sent ? written : "";
    if (open && document.getElementById("text-box")) document.getElementById("text-box").open = true;
    sent = false;
    if (inside) after(before.id).focus();
    if (told.over) finish();
  }

  let place = null; // on the drawing, where the keyboard was before others moved

  function spot(touch) {
    const [x, y, width, height] = ["x", "y", "width", "height"].map((name) => Number(touch.firstElementChild.getAttribute(name)));
    return [x + width / 2, y + height / 2];
  }

  function nearest([x, y]) {
    const away = (touch) => { const [tx, ty] = spot(touch); return Math.hypot(tx - x, ty - y); };
    const all = [...table.querySelectorAll(".touch:not([hidden])")];
    return all.length ? all.reduce((best, touch) => (away(touch) < away(best) ? touch : best)) : null;
  }

  // Where the keyboard goes on: the same place, else the nearest on the board, else the first that can be chosen, else
  // what says who is to move.
  function after(id) {
    const same = id && id !== "status" ? document.getElementById(id) : null;
    const status = document.getElementById("status");
    status.tabIndex = -1;
    return same ?? (place && nearest(place)) ?? table.querySelector(".touch, .actions button, .actions select, #text") ?? status;
  }

  function finish() {
    connection.textContent = "";
    document.getElementById("leave")?.remove();
  }

  function refuse(reason) {
    const place = document.getElementById("refused");
    place.className = "notice";
    place.textContent = reason;
    table.classList.remove("waiting");
    sent = false;
  }

  // ------------------------------------------------------------------ what a person does

  const LOST = "The connection is lost: wait until it is back, then do it again.";
  let sent = false;

  function turn() { return table.querySelector("input[name=turn]")?.value; }

  function act(told) {
    if (socket?.readyState !== WebSocket.OPEN) return false;
    sent = true;
    table.classList.add("waiting");
    document.getElementById("refused").textContent = "";
    document.getElementById("refused").className = "";
    socket.send(JSON.stringify({turn: turn(), ...told}));
    return true;
  }

  function choose(touch) {
    if (touch.dataset.choice !== undefined) {
      if (!act({choice: touch.dataset.choice})) refuse(lost ? LOST : "There is no connection: choose below.");
      return;
    }
    const open = touch.getAttribute("aria-expanded") === "true";
    fold();
    if (open) return;
    touch.setAttribute("aria-expanded", "true");
    const targets = [...table.querySelectorAll(`[data-from="${touch.dataset.spot}"]`)];
    for (const target of targets) target.removeAttribute("hidden");
  }

  function fold() {
    for (const touch of table.querySelectorAll("[data-spot]")) touch.setAttribute("aria-expanded", "false");
    for (const target of table.querySelectorAll(".target")) target.setAttribute("hidden", "");
  }

  table.addEventListener("click", (event) => {
    const touch = event.target.closest(".touch");
    if (touch) choose(touch);
  });

  document.querySelector("main").addEventListener("submit", (event) => {
    if (lost) {
      event.preventDefault();
      refuse(LOST);
      return;
    }
    if (!event.target.matches(".actions, .written")) return;
    const told = {};
    if (event.target.matches(".written")) told.text = event.target.elements.text.value;
    else told.choice = event.submitter?.name === "choice" ? event.submitter.value : event.target.elements.choice?.value;
    if (act(told)) event.preventDefault();
  });

  // Arrows go to the next place that can be touched in their direction.
  const WAYS = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]};

  function middle(touch) {
    const box = touch.getBoundingClientRect();
    return [box.x + box.width / 2, box.y + box.height / 2];
  }

  function next(touch, [dx, dy]) {
    const [x, y] = middle(touch);
    let found = null;
    let least = Infinity;
    for (const other of table.querySelectorAll(".touch:not([hidden])")) {
      const [ox, oy] = middle(other);
      const along = (ox - x) * dx + (oy - y) * dy;
      const aside = Math.abs((ox - x) * dy) + Math.abs((oy - y) * dx);
      if (other === touch || along < 2) continue;
      if (along + 2 * aside < least) { least = along + 2 * aside; found = other; }
    }
    return found;
  }

  table.addEventListener("keydown", (event) => {
    const touch = event.target.closest?.(".touch");
    if (!touch || event.ctrlKey || event.altKey || event.metaKey) return;
    if (WAYS[event.key]) next(touch, WAYS[event.key])?.focus();
    else if (event.key === "Enter" || event.key === " ") choose(touch);
    else if (event.key === "Escape") fold();
    else return;
    event.preventDefault();
  });

  connect();
})();
