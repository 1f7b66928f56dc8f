import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { addApp, insertApp } from './add-app.ts';

test('insertApp: comments, layout and a trailing comma stay', () => {
  const text = '{\n  // x\n  "apps": {\n    "a":   { "go": "." } // c\n    // d\n  },\n}\n';
  assert.equal(
    insertApp(text, 'b', { node: './b.ts', args: ['x y'] }),
    '{\n  // x\n  "apps": {\n    "a":   { "go": "." }, // c\n    // d\n    "b": { "node": "./b.ts", "args": ["x y"] }\n  },\n}\n',
  );
});

test('insertApp: a comma that is there is not doubled, tabs and CRLF are kept', () => {
  assert.equal(
    insertApp('{\r\n\t"apps": {\r\n\t\t"a": {},\r\n\t}\r\n}', 'b', { go: '.' }),
    '{\r\n\t"apps": {\r\n\t\t"a": {},\r\n\t\t"b": { "go": "." }\r\n\t}\r\n}',
  );
});

test('insertApp: makes the object that is not there, opens one that is in one line', () => {
  assert.equal(
    insertApp('{\n  "board": "x"\n}', 'b', { go: '.' }),
    '{\n  "board": "x",\n  "apps": { "b": { "go": "." } }\n}',
  );
  assert.equal(
    insertApp('{\n  "apps": {}\n}', 'b', { go: '.' }),
    '{\n  "apps": {\n    "b": { "go": "." }\n  }\n}',
  );
  assert.equal(
    insertApp('{ "apps": { "a": {} } }', 'b', { go: '.' }),
    '{ "apps": { "a": {},\n  "b": { "go": "." }\n} }',
  );
});

test('insertApp: what is too long for a line gets several', () => {
  const args = ['--listen', '0.0.0.0:1883', '--store', '/perm/broker/store', '--log-level', 'information'];
  const text = insertApp('{\n  "apps": {\n  }\n}', 'broker', { binary: './broker-${arch}', args });
  assert.match(text, /\n {4}"broker": \{\n {6}"binary": ".*",\n {6}"args": \[\n {8}"--listen",/);
});

test('addApp: refuses a name that is taken or not valid, and then leaves the file alone', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'tsk-add-app-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const path = join(directory, 'tskrazy.json');
  const text = '{ "hostname": "a", "board": "pc-amd64", "apps": { "x": { "go": "." } } }';
  writeFileSync(path, text);
  await assert.rejects(
    addApp(path, 'x', { go: '.' }),
    /^UserError: Cannot add app "x": ".*" already has an app of that name$/,
  );
  await assert.rejects(
    addApp(path, 'X', { go: '.' }),
    /^UserError: Cannot add app "X": "X" is not a valid app name: /,
  );
  await assert.rejects(addApp(path, 'constructor', { go: '.' }), /cannot be used as a name/);
  assert.equal(readFileSync(path, 'utf8'), text);
  await addApp(path, 'y', { go: './y' });
  assert.match(readFileSync(path, 'utf8'), /"y": \{ "go": "\.\/y" \}/);
});
