// npm run fuzz -- NAME... [--seconds N] [--inputs N] [--seed N] [--input FILE]: damaged inputs for the parsers of what comes from
// the network, from apps and from disks. Without a name all of them, one after the other; --input runs one kept file.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { runTarget } from '../test/fuzz/run-target.ts';
import { TARGETS } from '../test/fuzz/targets.ts';
import { parseOptions, usageError } from './parse-options.ts';

const USAGE = 'npm run fuzz -- NAME... [--seconds N] [--inputs N] [--seed N] [--input FILE]';
const { values, positionals } = parseOptions(
  {
    options: {
      seconds: { type: 'string' },
      inputs: { type: 'string' },
      seed: { type: 'string' },
      input: { type: 'string' },
    },
    allowPositionals: true,
  },
  USAGE,
);
const unknown = positionals.find((name) => !Object.hasOwn(TARGETS, name));
if (unknown !== undefined)
  usageError(USAGE, `There is no fuzz target "${unknown}": there are ${Object.keys(TARGETS).join(', ')}`);
const names = positionals.length > 0 ? positionals : Object.keys(TARGETS);
const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31));
console.log(`seed ${seed}`);
for (const name of names) {
  const { inputs, accepted, kinds, failure } = await runTarget(name, {
    seed,
    seconds:
      values.seconds === undefined && values.inputs !== undefined ? Infinity : Number(values.seconds ?? 10),
    inputs: Number(values.inputs ?? Infinity),
    ...(values.input === undefined ? {} : { input: Uint8Array.from(readFileSync(values.input)) }),
    failuresDirectory: join(import.meta.dirname, '../node_modules/.cache/fuzz'),
  });
  console.log(
    `${name}: ${inputs} inputs, ${Math.round((100 * accepted) / inputs)} % taken, ${kinds} kinds of outcomes`,
  );
  if (failure === undefined) continue;
  console.error(`FAILED: ${failure.problem}\nAgain: npm run fuzz -- ${name} --input ${failure.path}`);
  process.exitCode = 1;
}
