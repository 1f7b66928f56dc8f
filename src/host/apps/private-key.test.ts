import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import { isPrivateKey } from './private-key.ts';

const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
const pem = privateKey.export({ type: 'pkcs8', format: 'pem' });
const sec1 = privateKey.export({ type: 'sec1', format: 'der' });
const locked = { type: 'pkcs8', cipher: 'aes-256-cbc', passphrase: 'x' } as const;
const BASE64 = 'b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAAB';

const KEYS: Readonly<Record<string, string | Buffer>> = {
  'PEM, PKCS #8': pem,
  'PEM with lines of Windows, behind a certificate': `-----BEGIN CERTIFICATE-----\n${BASE64}\n-----END CERTIFICATE-----\n${pem.replaceAll('\n', '\r\n')}`,
  'PEM, encrypted': privateKey.export({ ...locked, format: 'pem' }),
  'PEM of old with headers': `-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\n${BASE64}\n`,
  'a string of JSON, as services give keys': JSON.stringify({ private_key: pem }),
  OpenSSH: `-----BEGIN OPENSSH PRIVATE KEY-----\n${BASE64}\n`,
  OpenPGP: `-----BEGIN PGP PRIVATE KEY BLOCK-----\nVersion: 1\n\n${BASE64}\n`,
  'DER, PKCS #8': privateKey.export({ type: 'pkcs8', format: 'der' }),
  'DER, SEC 1': sec1,
  'DER, encrypted': privateKey.export({ ...locked, format: 'der' }),
  'PKCS #12': Buffer.from('308209c70201033082098d06092a864886f70d010701a082097e', 'hex'),
  age: `# created: today\nAGE-SECRET-KEY-1${'Q'.repeat(58)}\n`,
  PuTTY: 'PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\n',
  JWK: JSON.stringify(privateKey.export({ format: 'jwk' }), undefined, 2),
  'JWK, Ed25519': JSON.stringify(generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' })),
  'a set of JWKs, for signatures by a shared key': JSON.stringify({
    keys: [publicKey.export({ format: 'jwk' }), { kty: 'oct', key_ops: ['sign'], k: 'A'.repeat(43) }],
  }),
  WireGuard: `[Interface]\nPrivateKey = ${'A'.repeat(43)}=\n`,
};

test('isPrivateKey knows keys of all kinds by their content', () => {
  for (const [kind, content] of Object.entries(KEYS)) assert.ok(isPrivateKey(Buffer.from(content)), kind);
});

const OTHERS: Readonly<Record<string, string | Buffer>> = {
  nothing: '',
  'nothing but lines': '\n'.repeat(200_000),
  'a public key': publicKey.export({ type: 'spki', format: 'pem' }),
  'a public key as JWK': JSON.stringify({ keys: [publicKey.export({ format: 'jwk' })] }),
  'a program that reads JWKs': 'if (key["kty"] === "EC" && key["d"]) use({ "kty": "EC", "d": key.d });\n',
  'a public key as DER': publicKey.export({ type: 'spki', format: 'der' }),
  'a program that looks for keys': 'if (text.startsWith("-----BEGIN PRIVATE KEY-----")) refuse();\n',
  'a text about keys': 'It begins with\n-----BEGIN PRIVATE KEY-----\nand then come letters.\n',
  'an age recipient': `age1${'q'.repeat(58)}\n`,
  'text that begins with the digit 0': '0123456789',
};

test('isPrivateKey takes nothing else for one', () => {
  for (const [kind, content] of Object.entries(OTHERS)) assert.ok(!isPrivateKey(Buffer.from(content)), kind);
});
