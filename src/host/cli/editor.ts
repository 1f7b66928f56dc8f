// Starts the user's editor and waits for its end.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { UserError } from '../user-error.ts';

/** The variable may hold arguments and quotes (`code --wait`), so the shell reads it, as git and others do. */
export async function openEditor(path: string): Promise<void> {
  const editor = process.env['VISUAL'] || process.env['EDITOR'] || 'vi';
  const child = spawn('/bin/sh', ['-c', `${editor} "$1"`, 'sh', path], { stdio: 'inherit' });
  const [code, signal] = (await once(child, 'exit')) as [number | null, string | null];
  if (code === 0) return;
  throw new UserError(
    `Cannot edit "${path}": the editor "${editor}" ended with ${signal ?? `exit code ${code}`}`,
    {
      hint:
        code === 127
          ? 'Set $VISUAL or $EDITOR to an editor that is installed.'
          : 'The file is as the editor left it.',
    },
  );
}
