import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BootRecord } from '../../../shared/api/init-api.ts';
import { findEvidence } from './trial-evidence.ts';
import { unknownTrial } from './trial/pending-trial.ts';

const PENDING = {
  ...unknownTrial({ id: 'trial', slot: 'b', buildId: 'b2', nowMs: 1 }),
  askedBootId: 'asked',
};
const UNHEARD = { unheard: 'nobody knows' };

async function traceAfter(end: BootRecord['end']): Promise<unknown> {
  const before = { boot: 1, id: 'asked', slot: 'a', buildId: 'b1', bootedAtMs: 1, end } as BootRecord;
  const logs = { boots: async () => [before], lines: async () => [] };
  return (await findEvidence(PENDING, UNHEARD, logs)).trace;
}

test('findEvidence: a device that was cut off before its own restart had no firmware that could try anything', async () => {
  assert.equal(await traceAfter(null), null);
  assert.equal(await traceAfter({ how: 'restart', atMs: 2 }), UNHEARD);
});
