// What the demo needs of this computer. On Debian and its kin the missing packages are installed,
// after saying so; elsewhere the one command is printed, because which tool may do what differs too much.

import { spawnSync } from 'node:child_process';
import type { Board } from '../src/shared/board/boards.ts';
import type { Output } from '../src/host/cli/output.ts';
import { checkTools, type ToolCheck } from '../src/host/doctor/check-tools.ts';
import { describeInstall, detectPackageManager, installCommandFor } from '../src/host/doctor/packages.ts';
import { UserError } from '../src/host/user-error.ts';

export async function installMissingTools(board: Board, output: Output): Promise<void> {
  const missing = [...(await lackingGo()), ...(await checkTools('vm', [board.id]))].filter(
    ({ state }) => state !== 'ok',
  );
  if (missing.length === 0) return;
  const titles = missing.map(({ title }) => title).join(' and ');
  const packages = missing.map((check) => check.packages);
  const command = (await detectPackageManager()) === 'apt' ? installCommandFor('apt', packages) : undefined;
  if (!command || !mayInstall(command.argv)) {
    throw new UserError(`Cannot run the demo: ${titles} not found`, {
      hint: await describeInstall(packages),
    });
  }
  output.say(`${titles} not found. Installing: ${command.argv.join(' ')}`);
  const update = command.argv[0] === 'sudo' ? ['sudo', 'apt-get', 'update'] : ['apt-get', 'update'];
  // The lists first: on a fresh machine they are empty, and then no package is known.
  for (const argv of [update, command.argv]) run(argv);
}

/** Where nothing else can download the kernel. */
async function lackingGo(): Promise<ToolCheck[]> {
  return (await checkTools('build')).filter(({ id, isRequired }) => id === 'go' && isRequired);
}

/** Whether sudo, if it is needed, is there and can ask for a password or needs none. */
function mayInstall(argv: readonly string[]): boolean {
  if (argv[0] !== 'sudo') return true;
  const probe = process.stdin.isTTY ? ['--version'] : ['--non-interactive', 'true'];
  return spawnSync('sudo', probe, { stdio: 'ignore' }).status === 0;
}

function run(argv: readonly string[]): void {
  const [program = '', ...args] = argv;
  const { status } = spawnSync(program, args, {
    stdio: ['inherit', 'ignore', 'inherit'],
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  });
  if (status === 0) return;
  throw new UserError(`Cannot install what the demo needs: "${argv.join(' ')}" failed`, {
    hint: 'Its own messages are above; run it by hand once it can work, then the demo again.',
  });
}
