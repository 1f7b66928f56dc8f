// Runs one command of a gate, showing its output only when it fails (or when `show` is set), and its time.

import { spawn } from 'node:child_process';

export interface Step {
  name: string;
  command: string;
  args: readonly string[];
  show?: boolean;
  env?: NodeJS.ProcessEnv;
}

/** Exit code of the command. */
export async function runStep(step: Step): Promise<number> {
  const started = performance.now();
  const child = spawn(step.command, step.args, {
    stdio: step.show ? 'inherit' : 'pipe',
    env: step.env ?? process.env,
  });
  const output: Buffer[] = [];
  child.stdout?.on('data', (chunk: Buffer) => output.push(chunk));
  child.stderr?.on('data', (chunk: Buffer) => output.push(chunk));
  const code = await new Promise<number>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (exitCode, signal) => resolve(signal ? 1 : (exitCode ?? 1)));
  });
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  if (code !== 0) process.stdout.write(Buffer.concat(output));
  console.log(`${code === 0 ? 'ok  ' : 'FAIL'}  ${step.name} (${seconds} s)`);
  return code;
}
