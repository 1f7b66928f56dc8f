// The documents list the codes for people who write clients: their tables are held against the list.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import {
  BREAKGLASS_REFUSALS,
  DEBUG_REFUSALS,
  isRefusalCode,
  PERMIT_REFUSALS,
  REFUSALS,
  REQUEST_REFUSALS,
  statusOf,
  UPDATE_REFUSALS,
  WIFI_REFUSALS,
} from '../../shared/api/refusals.ts';

/** `| 409 | `code` | meaning |` */
function rowsOf(document: string): string[] {
  const text = readFileSync(new URL(`../../../docs/${document}`, import.meta.url), 'utf8');
  return text.match(/^\| \d{3} \| `[a-z-]+` \| .+ \|$/gm) ?? [];
}

function rowsFor(list: Readonly<Record<string, { status: number; means: string }>>): string[] {
  return Object.entries(list).map(([code, { status, means }]) => `| ${status} | \`${code}\` | ${means} |`);
}

test('docs/web.md lists what may happen to any request, and the documents of updates, permits, debugging and break-glass what besides', () => {
  assert.deepEqual(rowsOf('web.md'), rowsFor(REQUEST_REFUSALS));
  assert.deepEqual(rowsOf('update-protocol.md'), rowsFor(UPDATE_REFUSALS));
  assert.deepEqual(rowsOf('permits.md'), rowsFor(PERMIT_REFUSALS));
  assert.deepEqual(rowsOf('debugging.md'), rowsFor(DEBUG_REFUSALS));
  assert.deepEqual(rowsOf('breakglass.md'), rowsFor(BREAKGLASS_REFUSALS));
  assert.deepEqual(rowsOf('wifi.md'), rowsFor(WIFI_REFUSALS));
});

test('a code is known by its own name alone, and has the status of a refusal', () => {
  assert.ok(isRefusalCode('wrong-password'));
  for (const other of ['made-up-later', 'toString', '', 409, null, undefined, ['failed']])
    assert.equal(isRefusalCode(other), false);
  for (const code of Object.keys(REFUSALS)) {
    assert.ok(isRefusalCode(code));
    assert.ok(statusOf(code) >= 400 && statusOf(code) < 600, code);
  }
});
