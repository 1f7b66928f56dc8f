// One line from the terminal that is not shown while it is typed.

import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { UserError } from '../user-error.ts';

export async function askUnseen(question: string, signal: AbortSignal): Promise<string> {
  // Editing works as ever; what readline would show goes nowhere.
  const unseen = new Writable({ write: (_chunk, _encoding, done) => done() });
  const terminal = createInterface({ input: process.stdin, output: unseen, terminal: true, historySize: 0 });
  terminal.on('SIGINT', () => process.kill(process.pid, 'SIGINT'));
  const close = (): void => terminal.close();
  signal.addEventListener('abort', close);
  process.stderr.write(question);
  const answer = await new Promise<string | undefined>((resolve) => {
    terminal.once('line', resolve);
    terminal.once('close', () => resolve(undefined));
  });
  signal.removeEventListener('abort', close);
  terminal.close();
  process.stderr.write('\n');
  signal.throwIfAborted();
  if (answer === undefined) throw new UserError('Nothing was entered');
  return answer;
}
