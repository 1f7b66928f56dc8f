import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { BOARD_IDS } from '../src/shared/board/boards.ts';
import { configSchema } from '../src/shared/config/config.ts';
import { RESERVED_APP_NAMES } from '../src/shared/config/app.ts';
import { generateSchema, SCHEMA_PATH } from './generate-schema.ts';

test('tskrazy.schema.json is what generate-schema makes of src/shared/config/config.ts', () => {
  const checkedIn = readFileSync(SCHEMA_PATH, 'utf8');
  assert.equal(checkedIn, generateSchema(), 'run: node scripts/generate-schema.ts');
});

test('docs/config.md names every key, board and reserved name', () => {
  const page = readFileSync(new URL('../docs/config.md', import.meta.url), 'utf8');
  const appKeys = Object.keys(configSchema.entries.apps.wrapped.value.entries);
  const words = [
    ...Object.keys(configSchema.entries).filter((key) => key !== '$schema'),
    ...appKeys,
    ...BOARD_IDS,
    ...RESERVED_APP_NAMES,
    ...Object.keys(configSchema.entries.components.wrapped.entries),
  ];
  const missing = words.filter((word) => !new RegExp(`\`(?:\\w+\\.)?${word}(?:\\.\\w+)?\``).test(page));
  assert.deepEqual(missing, []);
});
