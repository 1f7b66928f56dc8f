// ed25519 keys as OpenSSH keeps them: the line of a public key (RFC 8709, section 4; RFC 4251, section 5) and the file of a
// private one without a passphrase (openssh-portable, PROTOCOL.key). Its check numbers are derived from the key, so that the
// same key gives the same file.

import { createHash, createPrivateKey, type KeyObject } from 'node:crypto';

const TYPE = 'ssh-ed25519';
const MAGIC = Buffer.from('openssh-key-v1\0', 'latin1');
/** Of the cipher "none". */
const BLOCK_BYTES = 8;

interface Halves {
  publicKey: Buffer;
  seed: Buffer;
}

/** `ssh-ed25519 AAAA...`, without a comment. */
export function formatOpensshPublicKey(privateKey: KeyObject): string {
  return `${TYPE} ${publicBlob(halvesOf(privateKey).publicKey).toString('base64')}`;
}

/** Content of the file. */
export function formatOpensshPrivateKey(privateKey: KeyObject): string {
  const { publicKey, seed } = halvesOf(privateKey);
  const check = createHash('sha256').update(publicKey).digest().subarray(0, 4);
  const secret = Buffer.concat([
    check,
    check,
    text(TYPE),
    field(publicKey),
    field(Buffer.concat([seed, publicKey])),
    text(''),
  ]);
  const padding = Buffer.from(
    Array.from({ length: (BLOCK_BYTES - (secret.length % BLOCK_BYTES)) % BLOCK_BYTES }, (_, i) => i + 1),
  );
  const one = Buffer.from([0, 0, 0, 1]);
  const blob = Buffer.concat([
    MAGIC,
    text('none'),
    text('none'),
    text(''),
    one,
    field(publicBlob(publicKey)),
    field(Buffer.concat([secret, padding])),
  ]);
  const lines = blob.toString('base64').match(/.{1,70}/g) ?? [];
  return `-----BEGIN OPENSSH PRIVATE KEY-----\n${lines.join('\n')}\n-----END OPENSSH PRIVATE KEY-----\n`;
}

/** Throws a SyntaxError for what is no file of `formatOpensshPrivateKey`. */
export function parseOpensshPrivateKey(file: string): KeyObject {
  const body = /^-----BEGIN OPENSSH PRIVATE KEY-----\n([A-Za-z0-9+/=\n]+)-----END/.exec(file)?.[1];
  const blob = Buffer.from(body ?? '', 'base64');
  const mark = Buffer.concat([text(TYPE), Buffer.from([0, 0, 0, 32])]);
  // The public half stands twice: after the head, and before the two halves of the private one.
  const second = blob.indexOf(mark, blob.indexOf(mark) + mark.length);
  const at = second + mark.length + 32 + 4;
  const [seed, publicKey] = [blob.subarray(at, at + 32), blob.subarray(at + 32, at + 64)];
  if (!blob.subarray(0, MAGIC.length).equals(MAGIC) || second < 0 || publicKey.length !== 32)
    throw new SyntaxError('Cannot read the key: it is no ed25519 key of OpenSSH without a passphrase');
  return createPrivateKey({
    key: { kty: 'OKP', crv: 'Ed25519', d: seed.toString('base64url'), x: publicKey.toString('base64url') },
    format: 'jwk',
  });
}

/** As ssh-keygen prints it: `SHA256:...`. `line`: that of a public key. */
export function opensshFingerprint(line: string): string {
  const blob = Buffer.from(line.split(' ')[1] ?? '', 'base64');
  return `SHA256:${createHash('sha256').update(blob).digest('base64').replace(/=+$/, '')}`;
}

function halvesOf(privateKey: KeyObject): Halves {
  const { x = '', d = '' } = privateKey.export({ format: 'jwk' });
  return { publicKey: Buffer.from(x, 'base64url'), seed: Buffer.from(d, 'base64url') };
}

function publicBlob(publicKey: Buffer): Buffer {
  return Buffer.concat([text(TYPE), field(publicKey)]);
}

function text(content: string): Buffer {
  return field(Buffer.from(content, 'latin1'));
}

function field(content: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(content.length);
  return Buffer.concat([length, content]);
}
