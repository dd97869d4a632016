// A log that is followed: what comes is added as lines, the oldest go when there are many, and what is sought is marked.
"use strict";

const byId = (id) => document.getElementById(id);
const box = byId("log"), live = byId("live"), query = byId("q"), only = byId("only");
const follow = byId("follow"), pause = byId("pause"), found = byId("found");

// Lines kept in the page; the oldest go first.
const LINES_MAX = 5000;

// Letters of a line; what is longer is shown as several.
const LINE_MAX = 10000;

// Letters kept while the page pauses; the oldest go first.
const WAITING_MAX = 4000000;

let waiting = [], waits = 0, partial = "", current = null;

const pressed = (button) => button.getAttribute("aria-pressed") === "true";
const press = (button, on) => button.setAttribute("aria-pressed", String(on));

// What terminals take for colours and movements is no text.
const plain = (line) => line.replace(/\x1b(\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\))/g, "").replace(/\r$/, "");

function setLive(state, text) {
  live.dataset.live = state;
  live.firstElementChild.textContent = text;
}

// ---- lines ----------------------------------------------------------------------------------------------------------

function mark(line) {
  const text = line.textContent, sought = query.value.toLowerCase();
  if (line.firstElementChild || sought) {
    line.textContent = text;
    if (sought) {
      const lower = text.toLowerCase();
      let from = 0, parts = [];
      // Letters that change their length with their case would put the marks elsewhere.
      for (let at = lower.length === text.length ? lower.indexOf(sought) : -1; at >= 0; at = lower.indexOf(sought, from)) {
        const hit = document.createElement("mark");
        hit.textContent = text.slice(at, at + sought.length);
        parts.push(text.slice(from, at), hit);
        from = at + sought.length;
      }
      if (from) line.replaceChildren(...parts, text.slice(from));
    }
  }
  line.hidden = Boolean(only.checked && sought && !line.firstElementChild);
}

function newLine(text) {
  const line = document.createElement("div");
  line.textContent = plain(text);
  mark(line);
  return line;
}

function pieces(line) {
  if (line.length <= LINE_MAX) return [line];
  const made = [];
  for (let at = 0; at < line.length; at += LINE_MAX) made.push(line.slice(at, at + LINE_MAX));
  return made;
}

// The last line may not have come to its end yet.
let last = null;
function add(text) {
  const lines = (partial + text).split("\n").flatMap((line) => pieces(line));
  partial = lines.pop();
  if (last) last.remove();
  last = null;
  const made = lines.slice(-LINES_MAX).map(newLine);
  if (partial) made.push((last = newLine(partial)));
  box.append(...made);
  const many = box.children.length - LINES_MAX;
  for (let i = 0; i < many; i++) box.firstElementChild.remove();
  count();
  if (pressed(follow)) toEnd();
}

// A stream begins with what the page shows already.
function begin() {
  box.replaceChildren();
  partial = "";
  last = current = null;
}

// What comes: text, or null where a stream begins.
function receive(text) {
  if (!pressed(pause)) return text === null ? begin() : add(text);
  if (text === null) waiting = [], waits = 0;
  waiting.push(text);
  waits += text === null ? 0 : text.length;
  while (waits > WAITING_MAX && waiting.length > 1) waits -= (waiting.shift() || "").length;
}

function goOn() {
  const came = waiting;
  waiting = [];
  waits = 0;
  came.forEach(receive);
}

let scrolled = 0;
function toEnd() {
  box.scrollTop = box.scrollHeight;
  scrolled = box.scrollTop;
}

// ---- seeking --------------------------------------------------------------------------------------------------------

const hits = () => [...box.querySelectorAll("div:not([hidden])")].filter((line) => line.querySelector("mark"));

function count() {
  const many = query.value ? hits().length : 0;
  found.textContent = query.value ? (many === 1 ? "1 line" : `${many} lines`) : "";
}

function seek() {
  for (const line of box.children) mark(line);
  count();
  if (pressed(follow)) toEnd();
}

function step(direction) {
  const lines = hits();
  if (!lines.length) return;
  press(follow, false);
  const at = lines.indexOf(current);
  const next = at < 0 ? (direction < 0 ? lines.length - 1 : 0) : (at + direction + lines.length) % lines.length;
  if (current) current.classList.remove("at");
  current = lines[next];
  current.classList.add("at");
  current.scrollIntoView({ block: "center" });
  scrolled = box.scrollTop;
  found.textContent = `${next + 1} of ${lines.length}`;
}

// ---- the stream -----------------------------------------------------------------------------------------------------

let stopped = null, failures = 0, retry = 0;
async function listen() {
  clearTimeout(retry);
  stopped = new AbortController();
  let why = "Not live";
  try {
    const answer = await fetch(box.dataset.stream, { signal: stopped.signal });
    // What has not been started yet has not written anything.
    if (answer.status === 404) why = "No log file yet";
    if (!answer.ok) throw new Error(String(answer.status));
    const reader = answer.body.getReader(), decoder = new TextDecoder();
    setLive("on", "Live");
    receive(null);
    failures = 0;
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      receive(decoder.decode(value, { stream: true }));
    }
  } catch (error) {
    if (error.name === "AbortError") return;
  }
  failures += 1;
  setLive("off", why);
  retry = setTimeout(listen, Math.min(1000 * 2 ** failures, 15000));
}

if (box && box.dataset.stream) {
  byId("scripted").hidden = false;
  box.classList.remove("plain");
  query.addEventListener("input", seek);
  only.addEventListener("change", seek);
  byId("next").addEventListener("click", () => step(1));
  byId("previous").addEventListener("click", () => step(-1));
  query.addEventListener("keydown", (event) => {
    if (event.key === "Enter") step(event.shiftKey ? -1 : 1);
    if (event.key === "Escape") {
      query.value = "";
      seek();
    }
  });
  follow.addEventListener("click", () => {
    press(follow, !pressed(follow));
    if (pressed(follow)) toEnd();
  });
  pause.addEventListener("click", () => {
    press(pause, !pressed(pause));
    pause.textContent = pressed(pause) ? "Go on" : "Pause";
    if (!pressed(pause)) goOn();
  });
  // Who scrolls up wants to read; who scrolls down to the end wants to see what comes.
  box.addEventListener("scroll", () => {
    const end = box.scrollHeight - box.clientHeight - box.scrollTop < 4;
    if (end) press(follow, true);
    else if (box.scrollTop < scrolled) press(follow, false);
    scrolled = box.scrollTop;
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && event.target !== query && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      query.focus();
    }
  });
  const form = document.querySelector("#tools form");
  if (form) {
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const said = byId("said");
      try {
        const answer = await fetch(form.getAttribute("action"), {
          method: "POST",
          headers: { accept: "application/json" },
          body: new URLSearchParams({ do: form.elements.do.value }),
        });
        if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
        const { ok, text } = await answer.json();
        said.className = ok ? "well" : "badly";
        said.textContent = text;
      } catch (error) {
        said.className = "badly";
        said.textContent = `That did not work: ${error.message}`;
      }
    });
  }
  toEnd();
  listen();
}
