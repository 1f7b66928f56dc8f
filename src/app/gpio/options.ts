// Options of lines as the kernel's flags, with what makes no sense refused.

import { FLAG, type LineConfig } from './abi.ts';
import type { EdgeOptions, InputOptions, OutputOptions } from './types.ts';

/** Longer than any switch bounces; a program that means seconds has mistaken the unit. */
const MAX_DEBOUNCE_MS = 60_000;

const BIAS = {
  'pull-up': FLAG.biasPullUp,
  'pull-down': FLAG.biasPullDown,
  none: FLAG.biasDisabled,
} as const;
const DRIVE = { 'push-pull': 0n, 'open-drain': FLAG.openDrain, 'open-source': FLAG.openSource } as const;
const EDGES = {
  rising: FLAG.edgeRising,
  falling: FLAG.edgeFalling,
  both: FLAG.edgeRising | FLAG.edgeFalling,
} as const;

export function outputConfig({ activeLow, drive, initial }: OutputOptions): LineConfig {
  const flags = FLAG.output | activeLowFlag(activeLow) | choose('drive', DRIVE, drive ?? 'push-pull');
  return { flags, value: initial ?? false };
}

export function inputConfig({ activeLow, bias, debounceMs }: InputOptions): LineConfig {
  const biasFlag = bias === undefined ? 0n : choose('bias', BIAS, bias);
  const flags = FLAG.input | activeLowFlag(activeLow) | biasFlag;
  if (debounceMs === undefined || debounceMs === 0) return { flags };
  if (!(debounceMs > 0 && debounceMs <= MAX_DEBOUNCE_MS))
    throw new RangeError(`Option "debounceMs" is ${debounceMs}: it has to be from 0 to ${MAX_DEBOUNCE_MS}`);
  return { flags, debounceUs: Math.max(1, Math.round(debounceMs * 1000)) };
}

export function withEdges(config: LineConfig, { of }: EdgeOptions): LineConfig {
  return { ...config, flags: config.flags | choose('of', EDGES, of ?? 'both') };
}

function activeLowFlag(activeLow: boolean | undefined): bigint {
  return activeLow === true ? FLAG.activeLow : 0n;
}

/** Programs in JavaScript may give anything. */
function choose<K extends string>(option: string, flags: Readonly<Record<K, bigint>>, word: K): bigint {
  if (Object.hasOwn(flags, word)) return flags[word];
  const words = Object.keys(flags).map((each) => `"${each}"`);
  throw new RangeError(
    `Option "${option}" is ${JSON.stringify(word)}: it has to be one of ${words.join(', ')}`,
  );
}
