// esbuild's messages as people read them: file:line:column, the line, and what to do.

import { lstatSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { BuildFailure, Message } from 'esbuild';
import type { StagedPackages } from '../packages/npm-stage.ts';
import { UserError } from '../../user-error.ts';
import { npmHint } from './published-program.ts';

const MAX_SHOWN = 5;

export function isBuildFailure(error: unknown): error is BuildFailure {
  return error instanceof Error && Array.isArray((error as Partial<BuildFailure>).errors);
}

/** The one thing that a CommonJS bundle cannot have and an ES module can. */
export function isTopLevelAwait({ text }: Message): boolean {
  return text.startsWith('Top-level await is currently not supported with the "cjs" output format');
}

/** What to throw for a failed bundle; an error that is not esbuild's is returned as it is. */
export function bundleError(
  {
    appName,
    instanceDirectory,
    entry,
    staged,
  }: { appName: string; instanceDirectory: string; entry: string; staged: StagedPackages | undefined },
  failure: unknown,
): unknown {
  if (!isBuildFailure(failure)) return failure;
  // A plugin's own failure that is meant for the user.
  const own = failure.errors.find(({ detail }) => detail instanceof UserError);
  if (own) return own.detail;
  const errors = failure.errors.filter((error) => !isTopLevelAwait(error));
  const shown = errors.slice(0, MAX_SHOWN).map((message) => formatMessage(message));
  const rest = errors.length - shown.length;
  const text = [...shown, ...(rest > 0 ? [`and ${rest} more`] : [])].join('\n');
  const hints = [
    hintFor(errors, instanceDirectory, staged),
    npmHint(appName, resolve(instanceDirectory, entry)),
  ].filter((each) => each !== undefined);
  return new UserError(`Cannot bundle app "${appName}": ${text}`, {
    topic: 'bundling',
    cause: failure,
    ...(hints.length === 0 ? {} : { hint: hints.join(' ') }),
  });
}

/** `src/main.ts:3:5: Expected ";" but found "x"`, then the line with a mark below. Columns count from 1. */
export function formatMessage({ text, location }: Message): string {
  if (!location) return text;
  const { file, line, column, lineText, length } = location;
  // esbuild counts columns in bytes.
  const before = Buffer.from(lineText).subarray(0, column).toString();
  const number = `${line}`;
  const mark = `${before.replaceAll(/[^\t]/g, ' ')}${'^'.repeat(Math.max(1, Math.min(length, lineText.length)))}`;
  return (
    `${file}:${line}:${before.length + 1}: ${text}\n` +
    `    ${number} | ${lineText}\n    ${' '.repeat(number.length)} | ${mark}`
  );
}

function hintFor(
  errors: readonly Message[],
  instanceDirectory: string,
  staged: StagedPackages | undefined,
): string | undefined {
  const packages = new Set<string>();
  for (const { text } of errors) {
    const name = /^Could not resolve "((?:@[^/"]+\/)?[^./"@][^/"]*)/.exec(text)?.[1];
    if (name !== undefined) packages.add(name);
  }
  const foreign = [...packages].find((name) => name.includes(':'));
  if (foreign !== undefined) {
    return `"${foreign}" is a module of another runtime than Node.js, and no package: use what Node.js or npm has for it.`;
  }
  if (packages.size === 0) return undefined;
  // A workspace member or a `file:` directory: the lock file does not hold it, and no registry should be asked for it.
  const own = [...packages].filter((name) => isLink(staged, name));
  if (own.length > 0) {
    return `Run "npm install" in ${staged?.copyOf}: ${own.join(', ')} is found there only once it is installed.`;
  }
  return `Run "npm install ${[...packages].join(' ')}" in ${instanceDirectory}.`;
}

function isLink(staged: StagedPackages | undefined, name: string): boolean {
  if (staged?.copyOf === undefined) return false;
  const path = join(staged.rootDirectory, 'node_modules', name);
  return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true;
}
