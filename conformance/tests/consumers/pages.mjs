// Pages in a real Chromium: they load, filter and step, ask nothing of any network, and take
// nothing that stands in a trace for markup. node pages.mjs CHROMIUM FOLDER [SCREENSHOTS]; in
// the folder are run.html, view.html, contested.html, hostile.html and long.html.
import assert from 'node:assert/strict';
import { statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { chromium } from 'playwright-core';

const [browser, folder, shots] = process.argv.slice(2);
// Each launch has a folder of its own for what it keeps.
const chrome = await chromium.launch({
  executablePath: browser,
  headless: true,
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});
const context = await chrome.newContext({ viewport: { width: 1500, height: 1000 } });
const trouble = [];

async function open(name, hash = '') {
  const page = await context.newPage();
  page.on('console', (message) => trouble.push(`${name}: ${message.type()}: ${message.text()}`));
  page.on('pageerror', (error) => trouble.push(`${name}: ${error.message}`));
  page.on('dialog', (dialog) => { trouble.push(`${name}: a dialog`); dialog.dismiss(); });
  page.on('request', (request) => { if (!request.url().startsWith('file:')) trouble.push(`${name}: asks for ${request.url()}`); });
  await page.goto(`file://${resolve(folder, name)}${hash}`);
  return page;
}

async function shot(page, name) {
  if (shots) await page.screenshot({ path: join(shots, `${name}.png`) });
}

const MARKS = ['good', 'bad', 'known', 'open'];
/** What two colours, as the browser computes them, have between them. */
const CONTRAST = `(() => {
  const shade = (text) => {
    const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
    canvas.fillStyle = text;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return { r, g, b, a: a / 255 };
  };
  const light = ({ r, g, b }) => [r, g, b].map((c) => c / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    .reduce((sum, c, at) => sum + c * [0.2126, 0.7152, 0.0722][at], 0);
  const ground = (element) => {
    const layers = [];
    for (let at = element; at; at = at.parentElement) layers.unshift(shade(getComputedStyle(at).backgroundColor));
    return layers.reduce((under, { r, g, b, a }) => ({ r: r * a + under.r * (1 - a), g: g * a + under.g * (1 - a), b: b * a + under.b * (1 - a) }), { r: 255, g: 255, b: 255 });
  };
  const weak = [];
  for (const element of document.querySelectorAll('body *')) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (!own || !element.checkVisibility() || ['SCRIPT', 'STYLE', 'OPTION'].includes(element.tagName)) continue;
    const pair = [light(shade(getComputedStyle(element).color)), light(ground(element))].sort((a, b) => b - a);
    const ratio = (pair[0] + 0.05) / (pair[1] + 0.05);
    if (ratio < 4.5) weak.push(element.tagName + '.' + element.className + ' ' + ratio.toFixed(2) + ': ' + element.textContent.slice(0, 40));
  }
  return weak.slice(0, 5);
})()`;

/** Everything is readable, in the light and in the dark. */
async function readable(page, name) {
  for (const scheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme: scheme });
    assert.deepEqual(await page.evaluate(CONTRAST), [], `${name}, ${scheme}`);
    await shot(page, `${name}-${scheme}`);
  }
}

async function run() {
  const page = await open('run.html');
  const rows = page.locator('section.rows tbody tr');
  const all = await rows.count();
  assert.ok(all > 1000, `${all} rows`);
  const visible = () => page.locator('section.rows tbody tr:not([hidden])').count();
  await page.locator('.filters select').first().selectOption('bad');
  const bad = await visible();
  assert.ok(bad > 0 && bad < all, `${bad} of ${all}`);
  assert.match(page.url(), /#mark=bad/);
  assert.match(await page.locator('.filters output').textContent(), new RegExp(`^${bad} of ${all} `));
  await page.locator('.filters input').fill('delivered-command');
  assert.ok(await visible() < bad);
  await page.reload();
  assert.ok(await visible() < bad, 'the address tells what was chosen');
  assert.equal(await page.locator('.filters input').inputValue(), 'delivered-command');
  await page.getByText('show all').click();
  assert.equal(await visible(), all);
  for (const mark of MARKS) assert.ok(await page.locator(`tr[data-mark=${mark}]`).count() >= (mark === 'bad' || mark === 'good' ? 1 : 0));
  const first = page.locator('details.case').first();
  await first.locator('summary').first().click();
  await first.locator('.viewport .bar').first().waitFor();
  await readable(page, 'run');
  await page.close();
}

async function steps() {
  const page = await open('view.html');
  const position = page.locator('.position');
  const [at, of] = (await position.textContent()).split(' of ').map(Number);
  assert.equal(await page.locator('.row.impossible').count(), 1);
  assert.match(await page.locator('.details').textContent(), /Here it first became impossible.*What was allowed here/s);
  assert.match(await page.locator('.details').textContent(), /The state before.*Set S/s);
  await page.locator('.viewport').focus();
  await page.keyboard.press('Home');
  assert.equal(await position.textContent(), `1 of ${of}`);
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('j');
  assert.equal(await position.textContent(), `3 of ${of}`);
  assert.match(page.url(), /line=\d+/);
  assert.match(await page.locator('.said').textContent(), /^(line|after line) \d+/);
  await page.keyboard.press('End');
  assert.equal(await position.textContent(), `${of} of ${of}`);
  await page.keyboard.press('v');
  assert.equal(await position.textContent(), `${at} of ${of}`);
  await page.keyboard.press('m');
  assert.notEqual(await position.textContent(), `${at} of ${of}`);
  await page.keyboard.press('m');
  assert.equal(await position.textContent(), `${at} of ${of}`);
  const bar = page.locator('.bar .name').first();
  await bar.hover();
  assert.match(await page.locator('.details .sentence').first().textContent(), / calls /);
  assert.equal(await page.locator('.machine li.current').count() % 3, 0);
  // The diagrams stay open from step to step, and mark what the words say.
  await page.locator('.diagrams summary').first().click();
  await page.locator('.diagrams svg').first().waitFor();
  await page.locator('.viewport').focus();
  await page.keyboard.press('k');
  const said = await page.locator('.set').first().locator('.machine li.current').allTextContents();
  const marked = await page.locator('.set').first().locator('.diagram text.current').allTextContents();
  assert.deepEqual(marked, said);
  assert.equal(await page.locator('.set').first().locator('.diagram rect.current').count(), 3);
  await shot(page, 'view-diagrams');
  await readable(page, 'view');
  await page.setViewportSize({ width: 700, height: 900 });
  await shot(page, 'view-narrow');
  await page.setViewportSize({ width: 1200, height: 900 });
  const paper = await page.pdf({ format: 'A4', landscape: true });
  assert.ok(paper.length > 10_000);
  if (shots) writeFileSync(join(shots, 'view.pdf'), paper);
  await page.close();
}

async function campaign() {
  const page = await open('campaign.html');
  const plots = page.locator('figure.plotted svg');
  assert.equal(await plots.count(), 3);
  for (const [at, said] of [/transitions \d+ at \d+/, /^1: \d+, 2: /, /\d+: \d+/].entries()) {
    assert.match(await plots.nth(at).getAttribute('aria-label'), said);
    const { width, height } = await plots.nth(at).boundingBox();
    assert.ok(width > 300 && height > 100, `${width} x ${height}`);
  }
  assert.ok(await plots.nth(0).locator('polyline').count() >= 5, 'a curve for each table');
  await readable(page, 'campaign');
  await page.close();
}

async function contested() {
  const page = await open('contested.html');
  const sides = page.locator('.readings .side');
  assert.ok(await sides.count() >= 2);
  const boxes = [await sides.nth(0).boundingBox(), await sides.nth(1).boundingBox()];
  assert.ok(boxes[1].x > boxes[0].x && Math.abs(boxes[0].y - boxes[1].y) < 2, 'side by side');
  await readable(page, 'contested');
  await page.close();
}

async function hostile() {
  const page = await open('hostile.html');
  assert.equal(await page.locator('img, iframe, script[src], b').count(), 0);
  assert.match(await page.locator('.stage').first().textContent(), /<img src=x onerror=alert\(1\)>/);
  assert.equal(await page.evaluate('window.hurt'), undefined);
  await page.close();
  // Without a script the verdict is there all the same.
  const plain = await chrome.newContext({ javaScriptEnabled: false });
  const bare = await plain.newPage();
  await bare.goto(`file://${resolve(folder, 'view.html')}`);
  assert.match(await bare.locator('.verbatim pre').innerText(), /clause .*server\./s);
  await plain.close();
}

async function long() {
  const size = statSync(join(folder, 'long.html')).size;
  const page = await open('long.html');
  await page.locator('.viewport').focus();
  const drawn = await page.locator('.canvas > *').count();
  assert.ok(drawn < 2000, `${drawn} elements of a long trace`);
  const count = await page.evaluate(`Number(document.querySelector('.position').textContent.split(' of ')[1])`);
  const took = await page.evaluate(`(() => {
    const view = document.querySelector('.viewport');
    const press = (key) => view.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true }));
    press('End');
    const begun = performance.now();
    for (let step = 0; step < 100; step += 1) { press('ArrowUp'); view.getBoundingClientRect(); }
    return (performance.now() - begun) / 100;
  })()`);
  console.log(`${(size / 1e6).toFixed(1)} MB, ${count} rows, ${took.toFixed(1)} ms a step`);
  await shot(page, 'long');
  await page.close();
}

try {
  for (const part of [run, steps, contested, campaign, hostile, long]) {
    await part();
    console.log(`${part.name}: as it should be`);
  }
  assert.deepEqual(trouble, []);
} finally {
  await chrome.close();
}
