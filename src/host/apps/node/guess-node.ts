// `tsk add ./src/main.ts`

import { extname } from 'node:path';
import { type AppArgument, appName, fromInstance, type GuessedApp } from '../app-argument.ts';

const SCRIPT_EXTENSIONS = ['.ts', '.mts', '.cts', '.js', '.mjs', '.cjs', '.tsx', '.jsx'];

export function isScriptName(path: string): boolean {
  return SCRIPT_EXTENSIONS.includes(extname(path));
}

export function guessNode({ what, text, instanceDirectory }: AppArgument): GuessedApp | undefined {
  if (what !== 'file' || !isScriptName(text)) return undefined;
  return { name: appName(text), source: fromInstance(text, instanceDirectory) };
}
