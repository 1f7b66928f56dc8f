import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { generateSchema, SCHEMA_PATH } from './generate-schema.ts';

test('tskrazy.schema.json is what generate-schema makes of src/shared/config.ts', () => {
  const checkedIn = readFileSync(SCHEMA_PATH, 'utf8');
  assert.equal(checkedIn, generateSchema(), 'run: node scripts/generate-schema.ts');
});
