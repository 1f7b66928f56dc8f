// Whether a file holds a private key, told by its content: keys go by all kinds of names. What is not certain is no key
// here, because a file that is left out for nothing is missing on the device.

import { createPrivateKey } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';

/** Keys are short; what stands further behind in a file is not looked at. */
const HEAD_BYTES = 256 * 1024;
/** One buffer for all files: there may be tens of thousands. */
const headBuffer = Buffer.alloc(HEAD_BYTES);
const MAX_DER_BYTES = 16 * 1024;

/**
 * PEM (RFC 7468), OpenSSH's and OpenPGP's (RFC 9580, 6.2) among it, also as a string of JSON: the label alone stands in many a
 * program, so a line of base64 has to follow, after header lines where there are some.
 */
const PEM_KEY =
  /-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----(?:(?:\r?\n|\\r\\n|\\n)+(?:[A-Za-z-]+: [^\r\n\\]*)?)+[A-Za-z0-9+/=]{16}/;
/** Files of age, PuTTY and WireGuard. */
const KEY_LINES = [
  /^AGE-SECRET-KEY-1[0-9A-Z]{58}\s*$/m,
  /^PuTTY-User-Key-File-\d+: /,
  /^[ \t]*PrivateKey[ \t]*=[ \t]*[A-Za-z0-9+/]{43}=[ \t\r]*$/m,
];
/** PFX (RFC 7292, 4): a sequence of version 3 and content of the type "data" or "signedData". */
const PKCS12 = /^30.{2,10}02010330.{2,10}06092a864886f70d01070[12]/;
const PKCS12_HEAD_BYTES = 32;

/** JWK (RFC 7517, RFC 7518): an object of JSON, in a set or alone, whose private part or shared key is there. */
const JSON_OBJECT = /\{[^{}]*\}/g;
const JWK_TYPE = /"kty"\s*:\s*"(RSA|EC|OKP|oct)"/;
const JWK_PRIVATE = { shared: /"k"\s*:\s*"[\w-]{22,}"/, own: /"d"\s*:\s*"[\w-]{40,}"/ };

export function isPrivateKeyFile(path: string): boolean {
  return isPrivateKey(readHead(path));
}

export function isPrivateKey(head: Buffer): boolean {
  const text = head.toString('latin1');
  if (text.includes('PRIVATE KEY') && PEM_KEY.test(text)) return true;
  if (head[0] === 0x30) return PKCS12.test(head.toString('hex', 0, PKCS12_HEAD_BYTES)) || isDerKey(head);
  return KEY_LINES.some((line) => line.test(text)) || (text.includes('"kty"') && hasPrivateJwk(text));
}

function hasPrivateJwk(text: string): boolean {
  return text.matchAll(JSON_OBJECT).some(([object]) => {
    const type = JWK_TYPE.exec(object)?.[1];
    return type !== undefined && JWK_PRIVATE[type === 'oct' ? 'shared' : 'own'].test(object);
  });
}

/** PKCS #8, PKCS #1 or SEC 1 without their armour. */
function isDerKey(bytes: Buffer): boolean {
  if (bytes.length > MAX_DER_BYTES) return false;
  return (['pkcs8', 'pkcs1', 'sec1'] as const).some((type) => {
    try {
      createPrivateKey({ key: bytes, format: 'der', type });
      return true;
    } catch (error) {
      // An encrypted key is one, too.
      return (error as NodeJS.ErrnoException).code === 'ERR_MISSING_PASSPHRASE';
    }
  });
}

/** The bytes are good until the next head is read. */
function readHead(path: string): Buffer {
  const file = openSync(path, 'r');
  try {
    return headBuffer.subarray(0, readSync(file, headBuffer));
  } finally {
    closeSync(file);
  }
}
