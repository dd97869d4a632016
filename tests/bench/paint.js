// When a headless Chromium has first painted a page, counted from the begin of its loading, each time in a browser without
// a cache: node paint.js CHROMIUM URL TIMES. Prints the milliseconds as JSON, sorted.
"use strict";

const { chromium } = require("playwright-core");

async function main([executablePath, url, times]) {
  const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
  const painted = [];
  // The first page of a browser pays for much that is not the page's.
  for (let round = 0; round <= Number(times); round += 1) {
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
    const page = await context.newPage();
    await page.goto(url);
    const paint = await page.waitForFunction(() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime);
    if (round > 0) painted.push(Math.round(await paint.jsonValue()));
    await context.close();
  }
  await browser.close();
  console.log(JSON.stringify(painted.sort((a, b) => a - b)));
}

main(process.argv.slice(2)).catch((error) => {
  console.error(error);
  process.exit(1);
});
