// What an editor shows of our files, by the service that VS Code has for JSON: completions, and a
// sentence to hover over, for clauses, codes, readings and lanes. node editor.mjs FOLDER-OF-SCHEMAS
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import json from 'vscode-json-languageservice';

const { getLanguageService, TextDocument } = json;
const folder = process.argv[2];

/** What is shown at ‸ in a text. */
async function shown(name, marked) {
  const text = marked.replace('‸', '');
  const schema = JSON.parse(readFileSync(join(folder, `${name}.v1.json`), 'utf8'));
  const service = getLanguageService({ schemaRequestService: (uri) => Promise.reject(new Error(`asks for ${uri}`)) });
  service.configure({ validate: true, allowComments: false, schemas: [{ uri: `vdi://${name}`, fileMatch: ['*.json'], schema }] });
  const file = TextDocument.create('file:///a.json', 'json', 1, text);
  const parsed = service.parseJSONDocument(file);
  const at = file.positionAt(marked.indexOf('‸'));
  const { items } = await service.doComplete(file, at, parsed);
  const hover = await service.doHover(file, at, parsed);
  const wrong = await service.doValidation(file, parsed);
  return {
    completed: items.map(({ label }) => label.replaceAll('"', '')),
    hovered: (hover?.contents ?? []).map((part) => part.value ?? part).join('\n').replaceAll('\\', ''),
    wrong: wrong.map(({ message }) => message),
  };
}

const step = (fields) => `{ "steps": [{ "call": "Close", "on": "sset", ${fields} }] }`;
const cases = [
  // The schema, the text, what is offered there, and what is said of what stands there.
  ['scenario', '{ "clauses": ["server.close.not-‸open"] }', 'client.close.not-open', /VD_E_PROTOCOL/],
  ['baseline', '{ "known": [{ "clause": "server.close.not-‸open" }] }', 'client.close.not-open', /VD_E_PROTOCOL/],
  ['scenario', step('"expect": "VD_E_C‸LOSE"'), 'VD_E_PROTOCOL', /\w+ \w+ \w+/],
  ['scenario', step('"lane": "server‸.main"'), 'server.agent', /a thread of a process/],
  ['scenario', step('"expect": { "server-handle-reuse=reop‸ens": "NOERROR" }'), 'server-close-devices-open=noerror', null],
  ['scenario', '{ "steps": [{ "call": "Cl‸ose" }] }', 'SendCommand', null],
  ['trace', '{ "lane": "server.m‸ain", "call": "Close", "on": "sset" }', 'primary.main', /a thread of a process/],
  ['trace', '{ "lane": "server.main", "return": "VD_E_C‸LOSE" }', 'VD_E_BUSY', /\w+ \w+ \w+/],
  ['trace', '{ "lane": "server.main", "callback": "c1", "completion": "ERROR_OPERATION_ABO‸RTED" }', 'ERROR_DISK_FULL', /\w+ \w+ \w+/],
  ['profile', '{ "readings": { "server-handle-re‸use": "reopens" } }', 'active-entry', /\w+ \w+ \w+/],
  ['profile', '{ "readings": { "server-handle-reuse": "reop‸ens" } }', 'protocol-error', /\w+ \w+ \w+/],
  ['profile', '{ "base": "li‸nux" }', 'documented-tables', /\w+ \w+/],
];
for (const [name, text, offered, said] of cases) {
  const { completed, hovered } = await shown(name, text);
  assert.ok(completed.includes(offered), `${name}: ${text}: offers ${completed}`);
  if (said) assert.match(hovered, said, `${name}: ${text}`);
  console.log(`${name}: ${text}: ${completed.length} offered; ${hovered.split('\n')[0].slice(0, 70)}`);
}
const sentences = [/a thread of a process/, /the id of a clause/, /the name of an? /];
for (const [name, text, , said] of cases.filter(([, , , said]) => said?.source.startsWith('\\w'))) {
  const { hovered } = await shown(name, text);
  assert.ok(!sentences.some((general) => general.test(hovered)), `${text}: only says what kind it is: ${hovered}`);
}
// What is no such word is underlined.
const { wrong } = await shown('scenario', '{ "clauses": ["server.close.no‸"] }');
assert.ok(wrong.some((message) => /valid values?/i.test(message) || /accepted/i.test(message)), wrong.join('; '));
