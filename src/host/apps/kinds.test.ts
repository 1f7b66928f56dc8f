import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { APP_KINDS } from '../../shared/services/app-kinds.ts';

test('APP_KINDS: docs/config.md says of each kind what its row says, and of no other', () => {
  const docs = readFileSync(new URL('../../../docs/config.md', import.meta.url), 'utf8');
  const [, table = ''] = /An app has exactly one source:\n\n((?:\|.*\n)+)/.exec(docs) ?? [];
  assert.deepEqual(table.trimEnd().split('\n'), [
    '| key | value |',
    '|---|---|',
    ...Object.entries(APP_KINDS).map(([kind, row]) => `| \`${kind}\` | ${row.docs} |`),
  ]);
});
