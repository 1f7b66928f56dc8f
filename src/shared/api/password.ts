// How the device's password is stored: as a salted scrypt hash (RFC 7914) that carries its own
// parameters, so that they can be raised later without locking anyone out.
//
//   scrypt$N$r$p$salt$hash        N, r, p decimal; salt and hash base64url without padding

import { randomBytes, scryptSync, timingSafeEqual } from 'node:crypto';

/** 16 MiB of memory and about 30 ms on a PC; it also has to be bearable under emulation and on small boards. */
const COST = 2 ** 14;
const BLOCK_SIZE = 8;
const PARALLELIZATION = 1;
const HASH_BYTES = 32;
/** A stored hash that asks for more memory than this was not written by us: refused instead of tried. */
const MAX_MEMORY_BYTES = 128 * 1024 * 1024;

interface ScryptParameters {
  cost: number;
  blockSize: number;
  parallelization: number;
}

function derive(
  password: string,
  salt: Uint8Array,
  parameters: ScryptParameters,
  lengthBytes: number,
): Buffer {
  return scryptSync(password.normalize('NFC'), salt, lengthBytes, {
    N: parameters.cost,
    r: parameters.blockSize,
    p: parameters.parallelization,
    maxmem: MAX_MEMORY_BYTES,
  });
}

/** The same password and salt give the same hash: a build that reuses them stays reproducible. */
export function hashPassword(password: string, salt: Uint8Array = randomBytes(16)): string {
  const parameters = { cost: COST, blockSize: BLOCK_SIZE, parallelization: PARALLELIZATION };
  const hash = derive(password, salt, parameters, HASH_BYTES);
  return [
    'scrypt',
    COST,
    BLOCK_SIZE,
    PARALLELIZATION,
    Buffer.from(salt).toString('base64url'),
    hash.toString('base64url'),
  ].join('$');
}

interface ParsedHash {
  parameters: ScryptParameters;
  salt: Buffer;
  hash: Buffer;
}

function parseHash(text: string): ParsedHash {
  const match = /^scrypt\$(\d{1,9})\$(\d{1,3})\$(\d{1,3})\$([\w-]+)\$([\w-]+)$/.exec(text);
  if (!match) throw new SyntaxError('Cannot read a password hash: not of the form scrypt$N$r$p$salt$hash');
  const [, cost, blockSize, parallelization, salt = '', hash = ''] = match;
  return {
    parameters: {
      cost: Number(cost),
      blockSize: Number(blockSize),
      parallelization: Number(parallelization),
    },
    salt: Buffer.from(salt, 'base64url'),
    hash: Buffer.from(hash, 'base64url'),
  };
}

/** Throws SyntaxError when `hash` is no password hash. Takes as long for a wrong password as for the right one. */
export function verifyPassword(password: string, hash: string): boolean {
  const stored = parseHash(hash);
  const given = derive(password, stored.salt, stored.parameters, stored.hash.length);
  return timingSafeEqual(given, stored.hash);
}
