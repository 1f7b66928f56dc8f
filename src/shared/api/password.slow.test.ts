import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hashPassword, verifyPassword } from './password.ts';

const salt = Buffer.from('0123456789abcdef');

test('hashPassword: same password and salt give the same text', () => {
  const hash = hashPassword('correct horse', salt);
  assert.equal(hash, hashPassword('correct horse', salt));
  assert.match(hash, /^scrypt\$16384\$8\$1\$MDEyMzQ1Njc4OWFiY2RlZg\$[\w-]{43}$/);
});

test('hashPassword: draws a new salt when none is given', () => {
  assert.notEqual(hashPassword('x'), hashPassword('x'));
});

test('verifyPassword: accepts the password and nothing else', () => {
  const hash = hashPassword('correct horse', salt);
  assert.equal(verifyPassword('correct horse', hash), true);
  assert.equal(verifyPassword('correct horsf', hash), false);
  assert.equal(verifyPassword('', hash), false);
});

test('verifyPassword: one character in two Unicode forms is one password', () => {
  assert.equal(verifyPassword('cafe\u0301', hashPassword('caf\u00e9', salt)), true);
});

test('verifyPassword: reads the parameters from the hash (vector of RFC 7914, section 12)', () => {
  const hash = Buffer.from(
    'fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b3731622eaf30d92e22a3886ff109279d9830dac727afb94a83ee6d8360cbdfa2cc0640',
    'hex',
  );
  const stored = `scrypt$1024$8$16$${Buffer.from('NaCl').toString('base64url')}$${hash.toString('base64url')}`;
  assert.equal(verifyPassword('password', stored), true);
});

test('verifyPassword: refuses what is no hash', () => {
  for (const text of ['', 'scrypt$1$2', 'plain', 'scrypt$x$8$1$YQ$YQ', 'scrypt$16384$8$1$$']) {
    assert.throws(() => verifyPassword('x', text), SyntaxError);
  }
});
