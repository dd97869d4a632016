// What people do with the pages. Each scenario is played by a test of the same name in page.rs, which also says what
// programs there are.
"use strict";

const fs = require("fs");
const http = require("http");
const assert = require("assert");

const SHOP = ["cache", "site:web", "site:worker_0", "site:worker_1"];
const FRONT = ["cache", "site:web"];

const TELEPHONE = { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true };

// All that there is on a wide screen, a collection on a telephone at night.
const VIEWS = [["", SHOP, { colorScheme: "light" }], ["?collection=front", FRONT, { ...TELEPHONE, colorScheme: "dark" }]];

// Every button of a row, and those for all that is seen; `press` knows how, `said` what the page says then.
async function everyAction(stage, page, members, press, said) {
  const web = "site:web";
  await press("Stop", web);
  await stage.awaitState(web, "STOPPED");
  await said(/site:web: stopped/);
  await press("Start", web);
  const { pid } = await stage.awaitState(web, "RUNNING");
  await said(/site:web: started/);
  await press("Restart", web);
  await said(/site:web: restarted/);
  assert.notStrictEqual((await stage.awaitState(web, "RUNNING")).pid, pid);
  const log = `${stage.dir}/web.log`;
  fs.appendFileSync(log, "to be cleared\n");
  await press("Clear log", web);
  await said(/site:web: log cleared/);
  assert.strictEqual(fs.readFileSync(log, "utf8"), "");

  const others = SHOP.filter((id) => !members.includes(id));
  const states = async () => new Map((await stage.all()).rows.map((row) => [row.id, row]));
  const before = await states();
  await press("Stop all");
  await said(/: stopped/);
  let now = await states();
  for (const id of members) assert.strictEqual(now.get(id).state, "STOPPED", id);
  for (const id of others) assert.deepStrictEqual(now.get(id), before.get(id), "not of this view");
  await press("Start all");
  await said(/: started/);
  now = await states();
  for (const id of members) assert.strictEqual(now.get(id).state, "RUNNING", id);
  await press("Restart all");
  await said(/: restarted/);
  const after = await states();
  for (const id of members) assert.notStrictEqual(after.get(id).pid, now.get(id).pid, id);
  for (const id of others) assert.deepStrictEqual(after.get(id), before.get(id), "not of this view");
}

// A press of a button where the page's script works: nothing is loaded anew.
function pressLive(stage, page) {
  return async (label, id) => {
    const button = id ? stage.button(page, id, label) : page.getByRole("button", { name: label, exact: true });
    await stage.until(`${label} can be pressed`, async () => (await button.getAttribute("aria-disabled")) !== "true");
    await button.click();
    if (!id && label !== "Start all") await page.locator("#ask .sure").click();
  };
}

// Waits for a sentence: another may still be there from before.
const spoken = (stage, page) => (expected) => stage.until(`the page says ${expected}`, async () =>
  expected.test(await page.textContent("#said")));

exports.live_actions = async (stage) => {
  for (const [query, members, kind] of VIEWS) {
    const page = await stage.open(`/ui/${query}`, kind);
    await stage.live(page);
    await page.evaluate(() => { window.sameAsBefore = true; });
    assert.deepStrictEqual(await stage.ids(page), members);
    await everyAction(stage, page, members, pressLive(stage, page), spoken(stage, page));
    assert.strictEqual(await page.evaluate(() => window.sameAsBefore), true, "nothing was loaded anew");
    assert.strictEqual(new URL(page.url()).search, query);
    await page.reload();
    await stage.live(page);
    assert.deepStrictEqual(await stage.ids(page), members, "a reload keeps the view");
    // Links to logs lead back to the view.
    await stage.row(page, "site:web").getByRole("link", { name: "stderr" }).click();
    await page.waitForURL(/\/ui\/log\?/);
    await page.getByRole("link", { name: "All processes" }).click();
    await page.waitForURL(/\/ui\/(\?.*)?$/);
    assert.strictEqual(new URL(page.url()).search, query);
    // A refusal of the dialog does nothing.
    await page.getByRole("button", { name: "Stop all", exact: true }).click();
    await page.getByRole("button", { name: "Cancel" }).click();
    for (const id of members) assert.strictEqual((await stage.state(id)).state, "RUNNING");
    await page.context().close();
  }
};

exports.views = async (stage) => {
  const page = await stage.open("/ui/");
  await stage.live(page);
  const press = pressLive(stage, page), said = spoken(stage, page);
  // A filter narrows what is seen, and what "all" means.
  await page.keyboard.press("/");
  await page.keyboard.type("worker");
  assert.deepStrictEqual(await stage.ids(page), ["site:worker_0", "site:worker_1"]);
  assert.match(page.url(), /\?q=worker$/);
  await press("Stop all");
  await said(/site:worker_0 and site:worker_1: stopped/);
  assert.strictEqual((await stage.state("site:web")).state, "RUNNING");
  await page.keyboard.press("/");
  await page.keyboard.press("Escape");
  assert.deepStrictEqual(await stage.ids(page), SHOP);
  // Sorting: trouble first, and the other way round.
  await page.getByRole("link", { name: "State" }).click();
  assert.deepStrictEqual((await stage.ids(page)).slice(0, 2), ["site:worker_0", "site:worker_1"]);
  await page.getByRole("link", { name: "State" }).click();
  assert.deepStrictEqual((await stage.ids(page)).slice(2), ["site:worker_1", "site:worker_0"]);
  assert.strictEqual(await page.getAttribute('th:has(a[data-sort="state"])', "aria-sort"), "descending");
  await page.goBack();
  assert.deepStrictEqual((await stage.ids(page)).slice(0, 2), ["site:worker_0", "site:worker_1"]);
  // Groups and collections have buttons of their own.
  await page.selectOption("#by", "group");
  await page.getByRole("button", { name: "Start all of site", exact: true }).click();
  await said(/site:worker_0 and site:worker_1: started/);
  await page.selectOption("#by", "collection");
  assert.deepStrictEqual(
    await page.$$eval("tr.section", (heads) => heads.map((head) => head.querySelector("b").textContent)),
    ["back", "front"],
  );
  await page.getByRole("button", { name: "Stop all of back", exact: true }).click();
  await page.locator("#ask .sure").click();
  await stage.awaitState("site:worker_1", "STOPPED");
  await stage.until("the counts follow", async () =>
    /back\s*0\/2 running/.test(await page.textContent("#chips")) && /All\s*2\/4 running/.test(await page.textContent("#chips")));
  // A collection by its link; the rest of the view stays.
  await page.locator("#chips").getByRole("link", { name: "front" }).click();
  assert.deepStrictEqual((await stage.ids(page)).sort(), FRONT);
  assert.strictEqual(new URL(page.url()).search, "?collection=front&sort=state&by=collection");
  await page.reload();
  await stage.live(page);
  assert.deepStrictEqual((await stage.ids(page)).sort(), FRONT);
  assert.strictEqual(await page.getAttribute("#chips [aria-current]", "href"), "./?collection=front&sort=state&by=collection");
  // One that does not exist says so, and leads on.
  await page.goto(`${stage.base}/ui/?collection=nobody`);
  await page.getByText("There is no collection called nobody").waitFor();
  await page.getByRole("link", { name: "Show all processes" }).click();
  await stage.live(page);
  assert.deepStrictEqual(await stage.ids(page), SHOP);
  await page.waitForFunction(() => rows !== null);
  assert.deepStrictEqual(await page.evaluate(differences), []);
};

// In the page: in what views the script shows something else than the server writes, times apart.
async function differences() {
  const text = (root, chosen) => [...root.querySelectorAll(chosen)].map((one) =>
    [one.textContent, one.getAttribute("href"), one.getAttribute("aria-sort"), one.getAttribute("aria-disabled"),
      one.getAttribute("aria-label"), one.getAttribute("value"), one.hidden].join("|"));
  const seen = (root) => JSON.stringify([
    text(root, "#chips a, #states a, #refresh, #shown, thead th, thead a, #none, footer a"),
    text(root, "tr.section b, tr.section span, tr.section button"),
    text(root, "tbody tr[data-id] > :not(.up, .exit), tbody tr[data-id] button, tbody tr[data-id] a"),
  ]);
  const differ = [];
  for (const collection of ["", "front"]) for (const q of ["", "work", "running cache", "nothing"]) {
    for (const sort of ["name", "state", "uptime", "pid", "exit"]) for (const desc of ["", "1"]) {
      for (const by of ["", "group", "collection"]) {
        const query = address({ collection, q, sort, desc, by });
        const html = await (await fetch("./" + query)).text();
        look(readView(query), false);
        const [theirs, ours] = [seen(new DOMParser().parseFromString(html, "text/html")), seen(document)];
        if (theirs !== ours && differ.length < 3) differ.push([query, theirs, ours]);
      }
    }
  }
  return differ;
}

exports.plain_actions = async (stage) => {
  for (const [query, members, kind] of VIEWS) {
    const page = await stage.open(`/ui/${query}`, { ...kind, javaScriptEnabled: false });
    const press = async (label, id) => {
      const button = id ? stage.button(page, id, label) : page.getByRole("button", { name: label, exact: true });
      // One that is shown as of no use now is still a button, and its answer says why.
      await button.click({ force: true });
      await page.waitForLoadState();
    };
    const said = async (expected) => assert.match(await page.textContent("#said"), expected);
    await everyAction(stage, page, members, press, said);
    assert.deepStrictEqual(await stage.ids(page), members, "an action keeps the view");
    assert.strictEqual(new URL(page.url()).searchParams.get("collection"), query ? "front" : null);
    // What cannot be done says why.
    await press("Start", "site:web");
    await said(/Could not start site:web: it runs already/);
    await page.getByRole("link", { name: "Refresh" }).click();
    await said(/^$/);
    // Sorting, filter and grouping are links and a form.
    await page.getByRole("link", { name: "Name" }).click();
    assert.deepStrictEqual(await stage.ids(page), [...members].reverse());
    await page.fill("#q", "web");
    await page.selectOption("#by", "collection");
    await page.getByRole("button", { name: "Apply" }).click();
    assert.deepStrictEqual(await stage.ids(page), ["site:web"]);
    assert.match(await page.textContent("tr.section"), /front/);
    await press("Stop all");
    await said(/^site:web: stopped$/);
    await press("Start all");
    assert.deepStrictEqual(await stage.ids(page), ["site:web"]);
    // A log, cleared from its own page.
    fs.appendFileSync(`${stage.dir}/web.log`, "one line\n");
    await stage.row(page, "site:web").getByRole("link", { name: "stdout" }).click();
    assert.match(await page.textContent("#log"), /one line/);
    await press("Clear log");
    await said(/site:web: log cleared/);
    assert.strictEqual((await page.textContent("#log")).trim(), "");
    await page.context().close();
  }
};

// The page that people know has no script at all, so it is the same with and without.
exports.classic_actions = async (stage) => {
  for (const [query, members, kind] of VIEWS) {
    const page = await stage.open(`/${query}`, { ...kind, javaScriptEnabled: !query });
    const press = async (label, id) => {
      const name = { "Clear log": `Clear Log ${id}` }[label] || (id ? `${label} ${id}` : label.replace(" a", " A"));
      await page.getByRole("link", { name, exact: true }).click();
      await page.waitForLoadState();
    };
    const said = async (expected) => {
      const text = await page.textContent("#statusmessage, .status_msg, #status_msg");
      // Its words are older than those of the other page.
      const plain = text.replace(/^Process (\S+) (\w+)$/, "$1: $2").replace(/^Log for (\S+) cleared$/, "$1: log cleared")
        .replace(/^(?:All|Collection \w+) (\w+) at .*/, "all: $1");
      assert.match(plain, expected);
    };
    const rows = () => page.$$eval("tbody tr td:nth-child(3)", (cells) => cells.map((cell) => cell.textContent));
    assert.deepStrictEqual(await rows(), members);
    await everyAction(stage, page, members, press, said);
    assert.deepStrictEqual(await rows(), members, "an action keeps the view");
    await page.getByRole("link", { name: "The page that follows" }).click();
    await page.waitForURL(/\/ui\//);
    assert.deepStrictEqual(await stage.ids(page), members, "and so does the way to the other page");
    await page.getByRole("link", { name: "the classic page" }).click();
    await page.waitForURL((url) => !url.pathname.includes("/ui/"));
    assert.deepStrictEqual(await rows(), members, "and back");
    await page.context().close();
  }
};

// How long after a crash the page shows it, in milliseconds.
async function crash(stage, page, id) {
  const { pid } = await stage.awaitState(id, "RUNNING");
  await page.evaluate((id) => {
    // It may be running again at once: then it has another pid.
    const cell = document.querySelector(`tr[data-id=${JSON.stringify(id)}] .pid`);
    window.seen = new Promise((resolve) => {
      new MutationObserver(() => resolve(Date.now())).observe(cell, { childList: true });
    });
  }, id);
  const begun = Date.now();
  process.kill(pid, "SIGKILL");
  return (await page.evaluate(() => window.seen)) - begun;
}

exports.crash_is_seen = async (stage) => {
  const page = await stage.open("/ui/");
  await stage.live(page);
  const took = [];
  // A machine that is busy with something else may hold up one, not all.
  for (let i = 0; i < 5 && !took.some((time) => time < 1000); i++) took.push(await crash(stage, page, "site:web"));
  assert.ok(took.some((time) => time < 1000), `a crash was seen after ${took} ms`);
  await stage.until("the page says how it ended", async () =>
    /^SIGKILL, \d+ s ago$/.test(await stage.row(page, "site:web").locator(".exit").textContent()));
  await stage.until("a screen reader is told", async () => {
    const texts = await page.$$eval('[role="status"]', (all) => all.map((one) => one.textContent));
    return texts.some((text) => /site:web (is exited|has ended \(SIGKILL\))/.test(text));
  });
  return took;
};

exports.thousand_rows = async (stage) => {
  const page = await stage.open("/ui/?sort=state");
  await stage.live(page);
  assert.strictEqual((await stage.ids(page)).length, 1001);
  await stage.until("the script has all rows", async () => page.evaluate(() => nodes.size === 1001));
  // The process that will change has the focus, and its row will move.
  await stage.button(page, "web", "Restart").focus();
  await page.evaluate(() => {
    window.touched = new Set();
    new MutationObserver((changes) => {
      for (const { target, addedNodes, removedNodes } of changes) {
        const moved = [...addedNodes, ...removedNodes].filter((node) => node.dataset && node.dataset.id);
        for (const row of [target.closest && target.closest("tr[data-id]"), ...moved]) {
          if (row) window.touched.add(row.dataset.id);
        }
      }
    }).observe(document.getElementById("table"), { subtree: true, childList: true, attributes: true });
  });
  const first = () => page.evaluate(() => document.querySelector("tr[data-id]").dataset.id);
  assert.strictEqual(await first(), "many:0000", "stopped ones come before those that run");
  process.kill((await stage.awaitState("web", "RUNNING")).pid, "SIGKILL");
  await stage.until("the one that has ended comes first", async () => (await first()) === "web");
  assert.deepStrictEqual(await page.evaluate(() => [...window.touched]), ["web"]);
  assert.strictEqual(await page.evaluate(() => document.activeElement.value), "restart:web", "the focus is kept");
  await page.fill("#q", "many:0999");
  assert.deepStrictEqual(await stage.ids(page), ["many:0999"]);
  await page.fill("#q", "");
  assert.strictEqual((await stage.ids(page)).length, 1001);
};

exports.without_events = async (stage) => {
  const context = await stage.browser.newContext();
  const page = await context.newPage();
  let open = false;
  await page.route("**/ui/events", (route) => (open ? route.continue() : route.abort()));
  await page.goto(`${stage.base}/ui/`);
  await page.waitForSelector('#live[data-live="off"]:has-text("Not live")');
  await page.getByRole("link", { name: "Refresh" }).waitFor();
  // What is fetched instead keeps the page usable.
  await stage.until("the rows are known", async () => page.evaluate(() => rows !== null));
  await stage.button(page, "cache", "Stop").click();
  await page.waitForSelector('tr[data-id="cache"][data-s="STOPPED"]');
  open = true;
  await stage.live(page);
  await stage.button(page, "cache", "Start").click();
  await page.waitForSelector('tr[data-id="cache"][data-s="RUNNING"]');
  // A page that nobody sees lets go of its events, and takes them up again.
  const hide = (hidden) => page.evaluate((hidden) => {
    Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
  }, hidden);
  await hide(true);
  assert.strictEqual(await page.evaluate(() => events.readyState), 2);
  await fetch(`${stage.base}/ui/act`, { method: "POST", body: "do=stop:cache" });
  assert.strictEqual(await stage.row(page, "cache").getAttribute("data-s"), "RUNNING");
  await hide(false);
  await stage.live(page);
  await page.waitForSelector('tr[data-id="cache"][data-s="STOPPED"]');
};

exports.logs = async (stage) => {
  const out = `${stage.dir}/web.log`, err = `${stage.dir}/web.err`;
  fs.appendFileSync(out, Array.from({ length: 200 }, (_, at) => `line ${at + 1}\n`).join(""));
  fs.appendFileSync(out, "\x1b[31mred\x1b[0m <em>odd</em>\n");
  const page = await stage.open("/ui/log?name=site:web");
  await stage.live(page);
  const lines = () => page.$$eval("#log div:not([hidden])", (all) => all.map((line) => line.textContent));
  const end = () => page.evaluate(() => {
    const box = document.getElementById("log");
    return box.scrollHeight - box.clientHeight - box.scrollTop < 4;
  });
  await stage.until("the log is there", async () => (await lines()).length === 201);
  assert.strictEqual((await lines())[200], "red <em>odd</em>");
  assert.ok(await end(), "the end is seen");
  fs.appendFileSync(out, "line in two ");
  await stage.until("half a line comes", async () => (await lines()).includes("line in two "));
  fs.appendFileSync(out, "parts\n");
  await stage.until("and its other half", async () => (await lines()).includes("line in two parts"));
  assert.ok(await end(), "and it is followed");
  // Who scrolls up is left there.
  await page.hover("#log");
  await page.mouse.wheel(0, -1500);
  await page.waitForSelector('#follow[aria-pressed="false"]');
  fs.appendFileSync(out, "unseen\n");
  await stage.until("it comes", async () => (await lines()).includes("unseen"));
  assert.ok(!(await end()));
  await page.click("#follow");
  assert.ok(await end());
  // Pause keeps what comes for later.
  await page.click("#pause");
  fs.appendFileSync(out, "during the pause\n");
  await page.waitForResponse(() => true, { timeout: 400 }).catch(() => {});
  assert.ok(!(await lines()).includes("during the pause"));
  await page.click("#pause");
  await stage.until("it is shown then", async () => (await lines()).includes("during the pause"));
  // Search.
  await page.fill("#q", "LINE 19");
  assert.strictEqual(await page.textContent("#found"), "11 lines");
  assert.strictEqual(await page.locator("#log mark").first().textContent(), "line 19");
  await page.keyboard.press("Enter");
  assert.strictEqual(await page.textContent("#found"), "1 of 11");
  await page.keyboard.press("Shift+Enter");
  assert.strictEqual(await page.textContent("#found"), "11 of 11");
  await page.check("#only");
  assert.strictEqual((await lines()).length, 11);
  fs.appendFileSync(out, "line 1999\nother\n");
  await stage.until("new lines are sought through", async () => (await lines()).length === 12);
  await page.fill("#q", "");
  await page.uncheck("#only");
  // A line without an end is shown in pieces, and what terminals do is left out.
  fs.appendFileSync(out, "x".repeat(25000) + "\n");
  await stage.until("a long line comes", async () => (await lines()).slice(-3).map((line) => line.length).join() === "10000,10000,5000");
  // The other channel, clearing, and the daemon's own log.
  await page.getByRole("link", { name: "stderr" }).click();
  await stage.live(page);
  fs.appendFileSync(err, "complaint\n");
  await stage.until("the other channel comes", async () => (await lines()).includes("complaint"));
  await page.getByRole("button", { name: "Clear log" }).click();
  await page.getByText("site:web: log cleared").waitFor();
  assert.strictEqual(fs.readFileSync(err, "utf8"), "");
  await page.getByRole("link", { name: "supervisord's own log" }).click();
  await stage.live(page);
  await stage.until("the daemon's log comes", async () => (await lines()).some((line) => line.includes("entered RUNNING")));
  await page.goto(`${stage.base}/ui/log?name=site:web&collection=front`);
  await page.getByRole("link", { name: "supervisord's own log" }).click();
  await page.getByRole("link", { name: "All processes" }).click();
  await page.waitForURL(/\/ui\/\?collection=front$/);
  // A log that is not there yet is waited for.
  fs.unlinkSync(err);
  await page.goto(`${stage.base}/ui/log?name=site:web&channel=stderr`);
  await page.getByText("No log file yet").waitFor();
  fs.writeFileSync(err, "at last\n");
  await stage.live(page);
  await stage.until("the new log comes", async () => (await lines()).includes("at last"));
  await page.goto(`${stage.base}/ui/log?name=nobody`);
  await page.getByText("There is no process called nobody").waitFor();
};

// Names that need several lines leave the other columns whole.
exports.long_names = async (stage) => {
  for (const path of ["/", "/ui/"]) {
    const page = await stage.open(path);
    const state = page.getByText("running", { exact: true }).or(page.getByText("RUNNING", { exact: true })).first();
    assert.strictEqual(await state.evaluate((span) => span.getClientRects().length), 1, path);
    // What belongs to a name stands beside its first line.
    const name = page.locator('tr a[href*="name="]').first();
    const [beside, first] = [await state.boundingBox(), await name.evaluate((link) => link.getClientRects()[0].y)];
    assert.ok(Math.abs(beside.y - first) < 8, `${path}: ${beside.y} ${first}`);
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth), path);
  }
};

exports.looks = async (stage) => {
  const told = {};
  for (const [what, options] of [
    ["light", { colorScheme: "light" }],
    ["dark", { colorScheme: "dark" }],
    ["narrow", TELEPHONE],
  ]) {
    for (const path of [
      "/ui/?by=group", "/ui/?collection=nobody", "/ui/log?name=site:web",
      "/?collection=front", "/?message=Done", "/tail.html?processname=site:web",
    ]) {
      const page = await stage.open(path, options);
      if (path.startsWith("/ui") && !path.includes("nobody")) await stage.live(page);
      await stage.accessible(page, `${what} ${path}`);
      const room = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      assert.ok(room <= 0, `${what} ${path} is wider than its window by ${room}`);
      if (!path.startsWith("/ui")) {
        await page.context().close();
        continue;
      }
      told[what] = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
      if (what === "narrow" && path.includes("group")) {
        const button = await stage.button(page, "cache", "Stop").boundingBox();
        assert.ok(button.x >= 0 && button.x + button.width <= 360, "buttons are within reach");
      }
      await page.context().close();
    }
  }
  assert.notStrictEqual(told.dark, told.light);
};

exports.names_stay_text = async (stage) => {
  const odd = "<u>x&lt;'";
  for (const javaScriptEnabled of [true, false]) {
    for (const by of ["", "group", "collection"]) {
      const query = new URLSearchParams({ by, message: "<img src=x>", q: "" });
      const page = await stage.open(`/ui/?${query}`, { javaScriptEnabled });
      assert.strictEqual(await page.textContent("#said"), "<img src=x>");
      if (javaScriptEnabled) {
        await stage.live(page);
        // Everything once more, written by the script.
        await page.selectOption("#by", by === "group" ? "collection" : "group");
        await page.selectOption("#by", by);
      }
      assert.deepStrictEqual(await stage.ids(page), ["<i>g:" + odd, "<i>g:bad"]);
      assert.strictEqual(await stage.row(page, "<i>g:" + odd).locator("th").textContent(), "<i>g:" + odd);
      assert.match(await stage.row(page, "<i>g:bad").locator(".what").textContent(), /can't find command '\/no\/<s>'/);
      assert.match(await page.textContent("h1"), /^<em>$/);
      assert.strictEqual(await page.locator("img, u, i, s, em, script:not([src])").count(), 0, "text is text");
      await stage.button(page, "<i>g:" + odd, "Restart").click();
      await page.getByText(`<i>g:${odd}: restarted`).waitFor();
      await stage.row(page, "<i>g:" + odd).locator("th a").click();
      await page.waitForURL(/\/ui\/log/);
      assert.strictEqual(await page.textContent("h1"), "<i>g:" + odd);
      assert.match(await page.textContent("#log"), /<s>said<\/s>/);
      assert.strictEqual(await page.locator("img, u, i, s, em").count(), 0, "text is text");
      await page.context().close();
    }
  }
  const query = new URLSearchParams({ message: "<img src=x>", collection: "<i>c" });
  const page = await stage.open(`/?${query}`);
  assert.match(await page.textContent("body"), /<img src=x>/);
  assert.match(await page.textContent("body"), /can't find command '\/no\/<s>'/);
  assert.strictEqual(await page.locator("tbody img, u, i, s, em, [src=x]").count(), 0, "text is text");
  await page.getByRole("link", { name: `Restart <i>g:${odd}`, exact: true }).click();
  await page.getByText(`Process <i>g:${odd} restarted`).waitFor();
  await page.goto(`${stage.base}/tail.html?processname=${encodeURIComponent("<i>g:" + odd)}`);
  assert.match(await page.textContent("pre"), /<s>said<\/s>/);
  assert.strictEqual(await page.locator("u, i, s, em").count(), 0, "text is text");
};

// A server of another site, whose page asks for changes.
function listen(handler) {
  return new Promise((resolve) => {
    const server = http.createServer(handler);
    server.listen(0, "127.0.0.1", () => resolve(server));
  });
}

exports.foreign_pages_are_refused = async (stage) => {
  const before = (await stage.all()).rows;
  const site = await listen((request, response) => {
    response.setHeader("content-type", "text/html");
    response.end(`<form method="post" action="${stage.base}/ui/act"><input name="do" value="stop"><button>Win</button></form>
      <form id="old" method="post" action="${stage.base}/index.html?action=stopall"><button>Old</button></form>
      <img src="${stage.base}/index.html?action=stopall"><img src="${stage.base}/ui/act?do=stop">`);
  });
  try {
    // Another name is another site; another port of the same name is another origin.
    for (const host of ["localhost", "127.0.0.1"]) {
      const context = await stage.browser.newContext();
      const page = await context.newPage();
      // Past the page: the browser hides from it what is no image. The two kinds of news come in any order.
      const asked = new Map(), answered = new Map();
      const network = await context.newCDPSession(page);
      await network.send("Network.enable");
      network.on("Network.requestWillBeSent", ({ requestId, request }) => {
        asked.set(requestId, `${request.method} ${request.url}`);
      });
      network.on("Network.responseReceivedExtraInfo", ({ requestId, statusCode }) => answered.set(requestId, statusCode));
      const status = (what) => stage.until(`${what} is answered`, async () => {
        const ids = [...asked.keys()].filter((id) => asked.get(id) === what && answered.has(id));
        return ids.length && answered.get(ids[ids.length - 1]);
      });
      const url = `http://${host}:${site.address().port}/`;
      await page.goto(url);
      assert.strictEqual(await status(`GET ${stage.base}/index.html?action=stopall`), 403);
      await page.click("text=Win");
      await page.waitForURL(/\/ui\/act/);
      assert.strictEqual(await status(`POST ${stage.base}/ui/act`), 403);
      await page.goto(url);
      await page.click("text=Old");
      await page.waitForURL(/action=stopall/);
      assert.strictEqual(await status(`POST ${stage.base}/index.html?action=stopall`), 403);
      await context.close();
    }
    assert.deepStrictEqual((await stage.all()).rows, before, "nothing has changed");
  } finally {
    site.close();
    site.closeAllConnections();
  }
};

// nginx as it comes: it gathers answers and speaks HTTP/1.0 to the daemon.
exports.behind_a_proxy = async (stage) => {
  const port = fs.readFileSync(`${stage.dir}/nginx.conf`, "utf8").match(/listen 127.0.0.1:(\d+)/)[1];
  const base = `http://127.0.0.1:${port}/deep/er`;
  const httpCredentials = { username: "u", password: "p" };
  for (const javaScriptEnabled of [true, false]) {
    const page = await stage.open(`${base}/ui`, { httpCredentials, javaScriptEnabled });
    const outside = [];
    page.on("response", (response) => {
      if (!response.url().startsWith(base)) outside.push(response.url());
    });
    assert.strictEqual(page.url(), `${base}/ui/`);
    if (javaScriptEnabled) {
      await stage.live(page);
      const pid = await stage.row(page, "cat").locator(".pid").textContent();
      process.kill(Number(pid), "SIGKILL");
      await stage.until("the crash comes through", async () =>
        /SIGKILL/.test(await stage.row(page, "cat").locator(".exit").textContent()));
      await page.waitForSelector('tr[data-id="cat"][data-s="RUNNING"]');
    }
    await stage.button(page, "cat", "Restart").click();
    await page.getByText("cat: restarted").waitFor();
    await stage.row(page, "cat").locator("th a").click();
    await page.waitForURL(/\/ui\/log/);
    if (javaScriptEnabled) await stage.live(page);
    await page.getByRole("link", { name: "All processes" }).click();
    await page.waitForURL(/\/ui\/$/);
    assert.deepStrictEqual(outside, []);
    await page.context().close();
  }
  // Without the password there is nothing, no events either.
  for (const path of ["/ui/", "/ui/events", "/ui/state", "/ui/app.js", "/ui/tail?name=cat"]) {
    assert.strictEqual((await fetch(base + path)).status, 401, path);
  }
};
