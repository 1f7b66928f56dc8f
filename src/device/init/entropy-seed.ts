// Carries randomness from one boot to the next, for devices whose kernel has little to draw from at the start.
// A seed is credited as entropy only once: its successor is safely on disk before it is used, so that no
// power cut can make two boots start from the same one.

import { readFileSync } from 'node:fs';
import { randomBytes } from '../sys/random-bytes.ts';
import type { Sys } from '../sys/sys.ts';
import { writeDurably } from '../durable-file.ts';
import { STATE_DIRECTORY } from '../state-directory.ts';

const SEED_FILE = `${STATE_DIRECTORY}/random-seed`;
const SEED_BYTES = 64;
/** What 512 bits from a seeded generator are worth at least. */
const CREDIT_BITS = 256;

export function useEntropySeed(sys: Sys): void {
  const seed = readSeed(sys);
  saveEntropySeed(sys, seed);
  if (seed !== undefined) sys.addEntropy(seed, CREDIT_BITS);
}

/**
 * `previous` goes into the new seed: the kernel may not have gathered anything yet. The sum of the two is as hard to guess
 * as the better of them.
 */
export function saveEntropySeed(sys: Sys, previous?: Uint8Array): void {
  const seed = randomBytes(SEED_BYTES).map((byte, index) => byte ^ (previous?.[index] ?? 0));
  writeDurably(sys.path(SEED_FILE), seed, 0o600);
}

function readSeed(sys: Sys): Uint8Array | undefined {
  try {
    const seed = readFileSync(sys.path(SEED_FILE));
    return seed.length === SEED_BYTES ? seed : undefined;
  } catch {
    // The first boot, or a new /perm.
    return undefined;
  }
}
