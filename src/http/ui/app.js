// The status page, alive. The server has written it already, and it works without this script; here its rows are kept
// up to date, and what its links and forms do is done without loading it anew. All that comes from outside is put
// into the page as text.
"use strict";

const byId = (id) => document.getElementById(id);
const table = byId("table"), live = byId("live"), said = byId("said");

// A form has a list of its buttons, which makes moving any of a thousand rows slow. Here they need no form.
const acts = document.createElement("div");
if (table) {
  const form = byId("acts");
  acts.dataset.action = form.getAttribute("action");
  acts.append(...form.childNodes);
  form.replaceWith(acts);
  acts.id = "acts";
}

const STOPPED = new Set(["STOPPED", "EXITED", "FATAL", "UNKNOWN"]);
const RUNNING = new Set(["RUNNING", "BACKOFF", "STARTING"]);
const TROUBLE = new Set(["FATAL", "BACKOFF", "EXITED", "UNKNOWN"]);

// What is known: the processes by their namespecs, the collections, and how far the daemon's clock is from ours.
let rows = null, collections = [], daemon = "", offset = 0;
let view = readView(location.search);

// ---- the view, which the address keeps ------------------------------------------------------------------------------

function readView(search) {
  const query = new URLSearchParams(search);
  const known = (word, words) => (words.includes(word) ? word : words[0]);
  return {
    collection: query.get("collection") || "",
    q: (query.get("q") || "").trim(),
    sort: known(query.get("sort"), ["name", "state", "uptime", "pid", "exit"]),
    desc: query.get("desc") ? "1" : "",
    by: known(query.get("by"), ["", "group", "collection"]),
  };
}

function address(view) {
  const keys = ["collection", "q", "sort", "desc", "by"].filter((key) => view[key] && !(key === "sort" && view.sort === "name"));
  return "?" + keys.map((key) => `${key}=${encodeURIComponent(view[key])}`).join("&");
}

function look(next, remember) {
  view = next;
  if (remember) history.pushState(null, "", "./" + address(view));
  else history.replaceState(null, "", "./" + address(view));
  show();
}

// ---- working out what is to be seen, as the server does -------------------------------------------------------------

const compare = (a, b) => (a < b ? -1 : a > b ? 1 : 0);
const noneLast = (a, b) => compare(!a, !b);
const orders = {
  name: () => 0,
  state: (a, b) => a.rank - b.rank,
  uptime: (a, b) => noneLast(a.start, b.start) || b.start - a.start,
  pid: (a, b) => noneLast(a.pid, b.pid) || a.pid - b.pid,
  exit: (a, b) => noneLast(a.stop, b.stop) || b.stop - a.stop,
};

function chosen() {
  let found = [...rows.values()];
  if (view.collection) {
    const collection = collections.find((one) => one.name === view.collection);
    found = (collection ? collection.members : []).map((id) => rows.get(id)).filter(Boolean);
  }
  const words = view.q.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length) {
    found = found.filter((row) => {
      const text = [row.id, row.state, row.what, row.exit, row.pid || ""].join(" ").toLowerCase();
      return words.every((word) => text.includes(word));
    });
  }
  const order = orders[view.sort], sign = view.desc ? -1 : 1;
  return found.sort((a, b) => sign * (order(a, b) || compare(a.id, b.id)));
}

// Sections: a title, the end of its buttons' value, and its rows.
function sections(found) {
  if (view.by === "group") {
    const groups = new Map(), alone = [];
    for (const row of found) {
      if (row.id === row.group) {
        alone.push(row);
        continue;
      }
      if (!groups.has(row.group)) groups.set(row.group, []);
      groups.get(row.group).push(row);
    }
    const made = [...groups].sort((a, b) => compare(a[0], b[0]))
      .map(([title, rows]) => ({ title, target: `:${title}:*`, rows }));
    if (alone.length) made.push({ title: "", target: "", rows: alone });
    return made;
  }
  if (view.by === "collection") {
    const rest = new Set(found), made = [];
    for (const { name, members } of collections) {
      const held = new Set(members), mine = found.filter((row) => held.has(row.id));
      mine.forEach((row) => rest.delete(row));
      if (mine.length) made.push({ title: name, target: "@" + name, rows: mine });
    }
    if (rest.size) made.push({ title: "", target: "", rows: [...rest] });
    return made;
  }
  return [{ title: "", target: "", rows: found }];
}

const now = () => Math.floor((Date.now() + offset) / 1000);

function span(seconds) {
  const s = Math.max(0, seconds), whole = Math.floor;
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${whole(s / 60)} min`;
  if (s < 86400) return `${whole(s / 3600)} h ${whole(s / 60) % 60} min`;
  return `${whole(s / 86400)} d ${whole(s / 3600) % 24} h`;
}

const counts = (list) => `${list.filter((row) => row.state === "RUNNING").length}/${list.length} running`;

// ---- putting it into the page: only what differs is touched ---------------------------------------------------------

function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

function setAttribute(node, key, value) {
  if (value === null) {
    if (node.hasAttribute(key)) node.removeAttribute(key);
  } else if (node.getAttribute(key) !== value) node.setAttribute(key, value);
}

function times(node, row) {
  setText(node.querySelector(".up"), row.start ? span(now() - row.start) : "");
  setText(node.querySelector(".exit"), row.stop ? `${row.exit}, ${span(now() - row.stop)} ago` : "");
}

function fill(node, row) {
  setAttribute(node, "data-s", row.state);
  setText(node.querySelector(".state"), row.state);
  setText(node.querySelector(".pid"), row.pid ? String(row.pid) : "");
  setText(node.querySelector(".what"), row.what);
  times(node, row);
  const [start, stop, restart] = node.querySelectorAll("button");
  const can = (able) => (able ? null : "true");
  setAttribute(start, "aria-disabled", can(STOPPED.has(row.state)));
  setAttribute(stop, "aria-disabled", can(RUNNING.has(row.state)));
  setAttribute(restart, "aria-disabled", can(STOPPED.has(row.state) || RUNNING.has(row.state)));
  const [out, err] = node.querySelectorAll(".do a");
  out.hidden = !row.out;
  err.hidden = !row.err;
}

function newRow(row) {
  const node = byId("row").content.firstElementChild.cloneNode(true);
  node.dataset.id = row.id;
  for (const button of node.querySelectorAll("button")) {
    button.value += row.id;
    button.setAttribute("aria-label", button.getAttribute("aria-label") + row.id);
  }
  const title = node.querySelector("th a");
  title.textContent = row.id;
  for (const link of [title, ...node.querySelectorAll(".do a")]) {
    if (link !== title) link.setAttribute("aria-label", link.getAttribute("aria-label") + row.id);
  }
  return node;
}

function links(node, id) {
  const base = "log?name=" + encodeURIComponent(id);
  const kept = view.collection ? "&collection=" + encodeURIComponent(view.collection) : "";
  const [title, out, err] = node.querySelectorAll("a");
  setAttribute(title, "href", base + kept);
  setAttribute(out, "href", base + kept);
  setAttribute(err, "href", base + "&channel=stderr" + kept);
}

function newSection({ title, target }) {
  const body = document.createElement("tbody");
  body.dataset.section = title;
  body.setAttribute("role", "rowgroup");
  if (view.by) {
    const head = byId("section").content.firstElementChild.cloneNode(true);
    head.querySelector("b").textContent = title || (view.by === "group" ? "On their own" : "In no collection");
    for (const button of head.querySelectorAll("button")) {
      if (!target) button.remove();
      button.value = button.value.replace("@", "") + target;
      button.setAttribute("aria-label", button.getAttribute("aria-label") + title);
    }
    body.append(head);
  }
  return body;
}

// Puts nodes into an order with as few moves as there are nodes out of place, and takes the others away.
function arrange(parent, wanted, first) {
  const keep = new Set(wanted);
  for (const child of [...parent.children].slice(first)) if (!keep.has(child)) child.remove();
  const places = new Map([...parent.children].map((child, place) => [child, place]));
  // Of the nodes that are there, the longest run that is in order already stays where it is.
  const still = inOrder(wanted.filter((node) => places.has(node)), places);
  let next = null;
  for (let i = wanted.length - 1; i >= 0; i--) {
    if (!still.has(wanted[i])) parent.insertBefore(wanted[i], next);
    next = wanted[i];
  }
}

function inOrder(nodes, places) {
  const ends = [], before = new Map();
  for (const node of nodes) {
    let low = 0, high = ends.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (places.get(ends[middle]) < places.get(node)) low = middle + 1;
      else high = middle;
    }
    before.set(node, ends[low - 1]);
    ends[low] = node;
  }
  const run = new Set();
  for (let node = ends[ends.length - 1]; node; node = before.get(node)) run.add(node);
  return run;
}

let shownBy = view.by;
// The rows in the page by section and namespec; those that the server wrote come first.
const nodes = new Map();
const nodeKey = (section, id) => section + "\n" + id;
if (table) {
  for (const body of table.tBodies) {
    for (const node of body.rows) {
      if (node.dataset.id !== undefined) nodes.set(nodeKey(body.dataset.section, node.dataset.id), node);
    }
  }
}

function show() {
  if (!rows || !table) return;
  const focused = document.activeElement;
  const found = chosen(), parts = sections(found), used = new Set(), shifted = [];
  if (shownBy !== view.by) {
    for (const body of [...table.tBodies]) body.remove();
    nodes.clear();
    shownBy = view.by;
  }
  const bodies = new Map([...table.tBodies].map((body) => [body.dataset.section, body]));
  const wantedBodies = parts.map((part) => {
    const body = bodies.get(part.title) || newSection(part);
    const wanted = part.rows.map((row) => {
      const key = nodeKey(part.title, row.id);
      used.add(key);
      let node = nodes.get(key);
      if (!node) {
        node = newRow(row);
        fill(node, row);
        nodes.set(key, node);
        node.shows = row;
      } else if (node.shows !== row) {
        if (node.shows && (node.shows.state !== row.state || node.shows.pid !== row.pid)) shifted.push(node);
        fill(node, row);
        node.shows = row;
      }
      links(node, row.id);
      return node;
    });
    if (view.by) {
      setText(body.rows[0].querySelector("span"), counts(part.rows));
      // They are for the whole group or collection.
      for (const button of body.rows[0].querySelectorAll("button")) button.hidden = Boolean(view.q || view.collection);
    }
    arrange(body, wanted, view.by ? 1 : 0);
    return body;
  });
  arrange(table, wantedBodies, table.tBodies.length ? [...table.children].indexOf(table.tBodies[0]) : table.children.length);
  for (const key of nodes.keys()) if (!used.has(key)) nodes.delete(key);
  byId("none").hidden = found.length > 0;
  around(found);
  flash(shifted);
  // A node that was moved has lost the focus, though it is still there.
  if (focused && focused !== document.activeElement && focused.isConnected) focused.focus({ preventScroll: true });
}

// Draws the eye to rows that have come to another state, unless they are many.
function flash(nodes) {
  if (!nodes.length || nodes.length > 20) return;
  for (const node of nodes) node.classList.remove("changed");
  // The animation begins anew only after a layout without it.
  void table.offsetWidth;
  for (const node of nodes) node.classList.add("changed");
}

// What stands around the table.
function around(found) {
  const all = [...rows.values()], many = found.length === 1 ? "1 process" : `${found.length} processes`;
  setText(byId("shown"), many + (view.q ? " found" : "") + (view.collection ? " in " + view.collection : ""));
  acts.dataset.action = "act" + address(view);
  document.title = `${daemon} · ${counts(all)}`;
  const to = (change) => "./" + address({ ...view, ...change });
  list(byId("chips"), [["", all], ...collections.map((one) => [
    one.name, one.members.map((id) => rows.get(id)).filter(Boolean),
  ])].map(([collection, members]) => ({
    text: (collection || "All") + " ", detail: counts(members), href: to({ collection }),
    current: view.collection === collection,
  })));
  const states = new Map();
  for (const row of all) states.set(row.state, (states.get(row.state) || 0) + 1);
  const ranks = new Map(all.map((row) => [row.state, row.rank]));
  list(byId("states"), [...states].sort((a, b) => ranks.get(a[0]) - ranks.get(b[0])).map(([state, count]) => ({
    text: `${count} ${state.toLowerCase()}`, state, href: to({ q: state.toLowerCase() }),
  })));
  for (const link of table.tHead.querySelectorAll("a")) {
    const sort = link.dataset.sort, sorted = sort === view.sort;
    setAttribute(link, "href", to({ sort, desc: sorted && !view.desc ? "1" : "" }));
    setAttribute(link.parentNode, "aria-sort", sorted ? (view.desc ? "descending" : "ascending") : null);
  }
  setAttribute(byId("refresh"), "href", "./" + address(view));
  const back = view.collection ? "?collection=" + encodeURIComponent(view.collection) : "";
  setAttribute(byId("own"), "href", "log" + back);
  setAttribute(byId("classic"), "href", "../" + back);
  if (document.activeElement !== byId("q") && byId("q").value.trim() !== view.q) byId("q").value = view.q;
  byId("by").value = view.by;
}

// A list of links, kept as far as it is there already.
function list(parent, items) {
  while (parent.children.length > items.length) parent.lastChild.remove();
  items.forEach(({ text, detail, state, href, current }, at) => {
    let link = parent.children[at] && parent.children[at].firstElementChild;
    if (!link) {
      link = document.createElement("a");
      link.append("", ...(detail === undefined ? [] : [document.createElement("span")]));
      if (state) link.className = "state";
      const item = document.createElement("li");
      item.append(link);
      parent.append(item);
    }
    if (link.firstChild.nodeValue !== text) link.firstChild.nodeValue = text;
    if (detail !== undefined) setText(link.querySelector("span"), detail);
    if (state) setAttribute(link, "data-s", state);
    setAttribute(link, "href", href);
    setAttribute(link, "aria-current", current ? "page" : null);
  });
}

// ---- what comes from the daemon -------------------------------------------------------------------------------------

function takeAll(all) {
  const old = rows;
  offset = all.now * 1000 - Date.now();
  daemon = all.name;
  collections = all.collections;
  rows = new Map(all.rows.map((row) => [row.id, old && same(old.get(row.id), row) ? old.get(row.id) : row]));
  if (old) announce(old, all.rows.filter((row) => old.get(row.id) !== rows.get(row.id)));
  show();
}

function takeSome(some) {
  offset = some.now * 1000 - Date.now();
  announce(rows, some.rows);
  for (const row of some.rows) rows.set(row.id, row);
  show();
}

const same = (a, b) => a !== undefined && Object.keys(b).every((key) => a[key] === b[key]);

// Trouble is told to who cannot see it; much of it, in one sentence.
const news = document.createElement("p");
news.className = "skip";
news.setAttribute("role", "status");
document.body.append(news);
function announce(old, changed) {
  const told = [];
  for (const row of changed) {
    const before = old.get(row.id);
    if (TROUBLE.has(row.state)) told.push(`${row.id} is ${row.state.toLowerCase()}`);
    // It may be running again before anybody has seen that it was not.
    else if (before && RUNNING.has(before.state) && RUNNING.has(row.state) && before.stop !== row.stop) {
      told.push(`${row.id} has ended (${row.exit}) and was started again`);
    }
  }
  if (told.length) news.textContent = told.length > 3 ? `${told.length} processes have ended or failed` : told.join(", ");
}

function setLive(state, text) {
  live.dataset.live = state;
  setText(live.firstElementChild, text);
}

// The events; where they do not get through, everything is fetched now and then, as a reload would.
let events = null, failures = 0, retry = 0;
function connect() {
  clearTimeout(retry);
  if (events) events.close();
  events = new EventSource("events");
  const take = (kind, taken) => events.addEventListener(kind, (event) => taken(JSON.parse(event.data)));
  take("all", (all) => {
    failures = 0;
    setLive("on", "Live");
    takeAll(all);
  });
  take("some", takeSome);
  take("closing", () => setLive("wait", "supervisord is shutting down"));
  events.onerror = () => {
    events.close();
    failures += 1;
    setLive(failures > 1 ? "off" : "wait", failures > 1 ? "Not live" : "Connecting again…");
    if (failures > 1) refresh();
    retry = setTimeout(connect, Math.min(1000 * 2 ** failures, 15000));
  };
}

async function refresh() {
  try {
    const answer = await fetch("state", { headers: { accept: "application/json" } });
    if (answer.ok) takeAll(await answer.json());
  } catch (error) {
    // The next try comes anyway.
  }
}

// ---- what people do -------------------------------------------------------------------------------------------------

function say(ok, text) {
  said.className = ok ? "well" : "badly";
  said.textContent = text;
}

function sure(question, word) {
  const ask = byId("ask");
  byId("asked").textContent = question;
  ask.querySelector(".sure").textContent = word;
  ask.returnValue = "";
  ask.showModal();
  return new Promise((answered) => {
    ask.addEventListener("close", () => answered(ask.returnValue === "yes"), { once: true });
  });
}

async function act(button) {
  if (button.getAttribute("aria-disabled") === "true" || button.classList.contains("busy")) return;
  const verb = button.value.match(/^[a-z]+/)[0], many = /^[a-z]+($|@)|:\*$/.test(button.value);
  if (many && verb !== "start") {
    const whom = button.closest("#whole") ? byId("shown").textContent
      : "all of " + button.closest("tbody").dataset.section;
    if (!(await sure(`${button.textContent}: ${whom}?`, button.textContent))) return;
  }
  button.classList.add("busy");
  say(true, "");
  try {
    const answer = await fetch(acts.dataset.action, {
      method: "POST",
      headers: { accept: "application/json" },
      body: new URLSearchParams({ do: button.value }),
    });
    if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
    const { ok, text } = await answer.json();
    say(ok, text);
  } catch (error) {
    say(false, `That did not work: ${error.message}`);
  }
  button.classList.remove("busy");
  if (live.dataset.live !== "on") refresh();
}

if (table) {
  acts.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button) act(button);
  });
  const query = byId("q"), find = byId("find");
  byId("apply").hidden = true;
  query.addEventListener("input", () => rows && look({ ...view, q: query.value.trim() }, false));
  byId("by").addEventListener("change", () => (rows ? look({ ...view, by: byId("by").value }, true) : find.submit()));
  find.addEventListener("submit", (event) => rows && event.preventDefault());
  // Links that only change the view need not load the page.
  document.addEventListener("click", (event) => {
    const link = event.target.closest("#chips a, #states a, thead a");
    if (!rows || !link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    event.preventDefault();
    look(readView(new URL(link.href).search), true);
  });
  window.addEventListener("popstate", () => {
    view = readView(location.search);
    show();
  });
  document.addEventListener("keydown", (event) => {
    const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.nodeName);
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      query.focus();
    } else if (event.key === "Escape" && event.target === query && query.value) {
      query.value = "";
      look({ ...view, q: "" }, false);
    }
  });
  // A sentence about an action is not to come again with a reload.
  if (location.search.includes("message=")) history.replaceState(null, "", "./" + address(view));
  setInterval(() => {
    if (document.hidden) return;
    for (const node of nodes.values()) if (node.shows && node.isConnected) times(node, node.shows);
  }, 1000);
}

// A page that nobody sees costs the daemon nothing.
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) return connect();
  clearTimeout(retry);
  if (events) events.close();
  setLive("wait", "Resting");
});
if (live) connect();
