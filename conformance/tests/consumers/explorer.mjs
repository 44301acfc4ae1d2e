// The explorer of `vdi explore --ui` in a real Chromium: states in words and drawn, steps named as
// calls and returns. node explorer.mjs CHROMIUM ADDRESS [SCREENSHOTS]
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

const [browser, address, shots] = process.argv.slice(2);
const chrome = await chromium.launch({
  executablePath: browser,
  headless: true,
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});
const page = await chrome.newPage({ viewport: { width: 1600, height: 1000 } });
const trouble = [];
// The explorer has no icon, for which a browser asks.
const isIcon = (message) => message.location().url.endsWith('/favicon.ico');
page.on('console', (message) => { if (message.type() === 'error' && !isIcon(message)) trouble.push(message.text()); });
page.on('pageerror', (error) => trouble.push(error.message));

/** What the explorer is told of the states behind a path. */
async function states(path) {
  const answer = await page.request.get(`http://${address}/.states${path}`);
  assert.ok(answer.ok(), `${path}: ${answer.status()}`);
  return answer.json();
}

// Step by step, always the first that is a call of this name or a return.
let path = '';
let [now] = await states('');
path += `/${now.actionIndex}`;
const told = [];
for (const wanted of [/^primary\.main calls Create/, /^server\.main calls Open/, /^server\.main calls BeginConfiguration/,
  /^server\.main calls EndConfiguration/, /^server\.main calls OpenDevice/, /^server\.main calls Close/]) {
  const next = await states(path);
  now = next.find(({ action, state }) => state && wanted.test(action) && /which returns NOERROR/.test(action))
    ?? next.find(({ action, state }) => state && wanted.test(action));
  assert.ok(now, `${wanted}: ${next.map(({ action }) => action).join('\n')}`);
  path += `/${now.actionIndex}`;
  told.push(now.action);
  for (const { action, state, outcome, svg } of next) {
    assert.match(action, /^[\w.]+ (calls|call of|calls back|process|completion)|^the |^an interval /, action);
    assert.match(action, / \[[a-z.-]+\]$|^the (process|server|time-out|completion)|^an interval/, action);
    if (!state) continue;
    assert.ok(outcome.startsWith(state), outcome);
    if (action.endsWith(']')) assert.match(outcome.slice(state.length), /^\n\n[a-z.-]+: \w/);
    assert.match(state, /^set \w+\nserver \w+\nclient \w+\n/, state);
    assert.doesNotMatch(`${action}${state}${outcome}`, /[{}]|Some\(|LaneId/, 'that is how it is debugged');
    const marked = [...svg.matchAll(/class="name current" data-state="(\w+)"/g)].map((found) => found[1]);
    assert.deepEqual(marked, /^set (\w+)\nserver (\w+)\nclient (\w+)\n/.exec(state).slice(1, 4));
  }
}
assert.match(now.state, /^set (Aborted|Closed)\n.*\naborted by Close/s, now.state);

// In the page itself.
await page.goto(`http://${address}/#/steps${path}`);
await page.getByText('aborted by Close').first().waitFor();
await page.getByText('server.main calls OpenDevice').first().waitFor();
assert.equal(await page.locator('svg .node.current').count(), 3);
if (shots) await page.screenshot({ path: join(shots, 'explorer.png') });
await chrome.close();
assert.deepEqual(trouble, []);
console.log(told.join('\n'));
