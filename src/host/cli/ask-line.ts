// One line from the terminal that is shown while it is typed.

import { createInterface } from 'node:readline';

/** '' for Ctrl-D. */
export async function askLine(question: string, signal: AbortSignal): Promise<string> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  // A terminal in raw mode sends a character and no signal.
  terminal.on('SIGINT', () => process.kill(process.pid, 'SIGINT'));
  signal.addEventListener('abort', () => terminal.close());
  const answer = await new Promise<string>((resolve) => {
    terminal.once('line', resolve);
    terminal.once('close', () => resolve(''));
    terminal.setPrompt(question);
    terminal.prompt();
  });
  terminal.close();
  signal.throwIfAborted();
  return answer;
}
