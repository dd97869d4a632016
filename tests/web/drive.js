// Plays one scenario in a headless Chromium: node drive.js SCENARIO FACTS. What it returns is printed as JSON; what it
// throws ends this with status 1.
"use strict";

const fs = require("fs");
const assert = require("assert");
const { chromium } = require("playwright-core");
const scenarios = require("./scenarios.js");

const DEADLINE = 40000;

// A scenario that does not come to its end is ended.
const END = 240000;

class Stage {
  constructor(browser, facts) {
    Object.assign(this, facts);
    this.browser = browser;
    this.base = `http://127.0.0.1:${facts.port}`;
    this.errors = [];
  }

  // A page of its own kind of browser: what its scripts complain of fails the scenario.
  async open(path, options = {}) {
    const context = await this.browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
    context.setDefaultTimeout(DEADLINE);
    const page = await context.newPage();
    page.on("pageerror", (error) => this.errors.push(`${path}: ${error.message}`));
    page.on("console", (message) => {
      // A refusal is told in the console, too; scenarios look at those themselves.
      if (message.type() === "error" && !/Failed to load resource|ERR_/.test(message.text())) {
        this.errors.push(`${path}: ${message.text()}`);
      }
    });
    await page.goto(path.startsWith("http") ? path : this.base + path);
    return page;
  }

  async live(page) {
    await page.waitForSelector('#live[data-live="on"]');
  }

  row(page, id) {
    return page.locator(`tr[data-id=${JSON.stringify(id)}]`);
  }

  button(page, id, label) {
    return this.row(page, id).getByRole("button", { name: label }).first();
  }

  // Waits until a condition holds.
  async until(what, probe) {
    const end = Date.now() + DEADLINE;
    for (;;) {
      const value = await probe();
      if (value) return value;
      if (Date.now() > end) throw new Error(`waited in vain until ${what}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  async state(id) {
    return (await this.all()).rows.find((row) => row.id === id);
  }

  // What the daemon says, past the page.
  async all() {
    return (await fetch(`${this.base}/ui/state`)).json();
  }

  async awaitState(id, state) {
    return this.until(`${id} is ${state}`, async () => {
      const row = await this.state(id);
      return row && row.state === state && row;
    });
  }

  async ids(page) {
    return page.$$eval("#table tr[data-id]", (rows) => rows.map((row) => row.dataset.id));
  }

  // Nothing serious is wrong for who sees, hears or uses a page otherwise.
  async accessible(page, what) {
    await page.evaluate(fs.readFileSync(require.resolve("axe-core/axe.min.js"), "utf8"));
    const { violations } = await page.evaluate(() => axe.run());
    const grave = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
    const told = grave.map((one) => `${one.id}: ${one.help}: ${one.nodes.map((node) => node.html).slice(0, 3)}`);
    assert.deepStrictEqual(told, [], what);
  }
}

(async () => {
  const [scenario, facts] = [process.argv[2], JSON.parse(process.argv[3])];
  // The sandbox works neither for root nor in most containers, and there is nothing foreign to guard against here.
  const args = ["--no-sandbox", "--disable-dev-shm-usage"];
  const browser = await chromium.launch({ executablePath: facts.chromium, args });
  setTimeout(() => {
    console.error(`${scenario} does not end`);
    browser.close().finally(() => process.exit(1));
  }, END).unref();
  try {
    const stage = new Stage(browser, facts);
    const result = await scenarios[scenario](stage);
    assert.deepStrictEqual(stage.errors, [], "no script complains");
    console.log(JSON.stringify(result === undefined ? null : result));
  } finally {
    await browser.close();
  }
})().catch((error) => {
  console.error(error.stack || error);
  process.exit(1);
});
