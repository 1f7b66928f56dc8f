import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assert as check, dictionary, property, string, stringMatching, uint8Array } from 'fast-check';
import { decodeAppSecrets, encodeAppSecrets, secretVariables } from './app-secrets.ts';

test('encodeAppSecrets, decodeAppSecrets: what went in comes out, in whatever order it was set', () => {
  const name = stringMatching(/^[A-Z][A-Z0-9_]{0,10}$/);
  check(
    property(dictionary(name, uint8Array()), string(), (secrets, salt) => {
      const bytes = encodeAppSecrets(secrets, salt);
      const entries = Object.entries(decodeAppSecrets(Buffer.from(bytes).toString()));
      assert.deepEqual(Object.fromEntries(entries.map(([key, content]) => [key, Uint8Array.from(content)])), {
        ...secrets,
      });
      const reversed = Object.fromEntries(Object.entries(secrets).toReversed());
      assert.deepEqual(encodeAppSecrets(reversed, salt), bytes);
      // What the manifest has of it is its hash: nobody finds the content by trying.
      assert.notDeepEqual(encodeAppSecrets(secrets, `${salt}x`), bytes);
    }),
  );
});

test('secretVariables names the files where the app sees them', () => {
  const sandbox = { devices: [], paths: {}, capabilities: [] };
  const spec = { name: 'sensor', secrets: ['TOKEN'], sandbox };
  assert.deepEqual(secretVariables(spec), { TSK_SECRET_TOKEN: '/run/secrets/TOKEN' });
  const real = { TSK_SECRET_TOKEN: '/run/tsk/secrets/sensor/TOKEN' };
  assert.deepEqual(secretVariables({ name: 'sensor', secrets: ['TOKEN'] }), real);
  assert.deepEqual(secretVariables({ ...spec, sandbox: { ...sandbox, paths: { '/run': 'ro' } } }), real);
  assert.deepEqual(secretVariables({ name: 'sensor', sandbox }), {});
});
