// Every schema compiles in ajv's strict mode, and takes the documents that are written to it:
// node schemas.mjs FOLDER [SCHEMA DOCUMENT]…, of which a document may be JSON Lines.
import Ajv from 'ajv/dist/2020.js';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const [folder, ...pairs] = process.argv.slice(2);
const read = (path) => JSON.parse(readFileSync(path, 'utf8'));
const compiled = (name) => new Ajv.Ajv2020({ strict: true }).compile(read(join(folder, name)));

const names = readdirSync(folder).filter((name) => name.endsWith('.json'));
if (names.length === 0) throw new Error(`${folder}: no schema`);
names.forEach(compiled);
console.log(`${names.length} schemas compile in strict mode`);

for (let at = 0; at < pairs.length; at += 2) {
  const [name, path] = pairs.slice(at, at + 2);
  const validate = compiled(`${name}.json`);
  const text = readFileSync(path, 'utf8');
  const documents = path.endsWith('.jsonl')
    ? text.trimEnd().split('\n').map((line) => JSON.parse(line))
    : [JSON.parse(text)];
  for (const document of documents) {
    if (!validate(document)) throw new Error(`${path}: ${JSON.stringify(validate.errors)}`);
  }
  console.log(`${path}: ${documents.length} as ${name} has it`);
}
