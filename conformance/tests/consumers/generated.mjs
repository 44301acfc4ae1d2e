// TypeScript types made of our schemas hold what is really said: every sort of line of real
// dialogues and documents is a value of them, and what is none is refused by the compiler.
// node generated.mjs FOLDER-OF-SCHEMAS WORK [SCHEMA DOCUMENT]…, of which a document may be JSON Lines.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createRequire } from 'node:module';
import { compile } from 'json-schema-to-typescript';

const [folder, work, ...pairs] = process.argv.slice(2);
const tsc = join(createRequire(import.meta.url).resolve('typescript/package.json'), '..', 'bin', 'tsc');

/** Of what kind a value is: its fields, and the words in them, whatever the names and numbers. */
function sort(value) {
  if (Array.isArray(value)) return `[${[...new Set(value.map(sort))].sort()}]`;
  if (typeof value === 'string') return /^[A-Z]/.test(value) ? value : 'text';
  if (value === null || typeof value !== 'object') return typeof value;
  const words = ['op', 'call', 'do', 'vdi'];
  return `{${Object.keys(value).map((key) => `${key}:${words.includes(key) ? value[key] : sort(value[key])}`).sort()}}`;
}

const files = [];
for (let at = 0; at < pairs.length; at += 2) {
  const [name, path] = pairs.slice(at, at + 2);
  const schema = JSON.parse(readFileSync(join(folder, `${name}.v1.json`), 'utf8'));
  const types = await compile(schema, schema.title, { additionalProperties: false, bannerComment: '' });
  const type = /^export (?:type|interface) (\w+)/m.exec(types)[1];
  writeFileSync(join(work, `${name}.ts`), types);
  const text = readFileSync(path, 'utf8');
  const lines = path.endsWith('.json') ? [text] : text.trimEnd().split('\n');
  const kinds = new Map(lines.map((line) => [sort(JSON.parse(line)), line]));
  const held = [...kinds.values()].map((line, number) => `export const line${number}: ${type} = ${line.trim()};`);
  // What is no such line: of another sort, and with a field that nobody knows.
  const refused = ['{ "op": "nonsense" }', '{}'].map((line, number) => `// @ts-expect-error\nexport const wrong${number}: ${type} = ${line};`);
  const file = join(work, `${name}.held.ts`);
  writeFileSync(file, [`import type { ${type} } from './${name}';`, ...held, ...refused, ''].join('\n'));
  files.push(file);
  console.log(`${path}: ${lines.length} lines, ${kinds.size} sorts, as ${type}`);
}
execFileSync(process.execPath, [tsc, '--noEmit', '--strict', '--exactOptionalPropertyTypes', '--target', 'es2022', '--module', 'esnext', '--moduleResolution', 'bundler', ...files], { stdio: 'inherit' });
console.log(`${files.length} files of types hold them`);
