// The compiler for the board on this computer: Debian's cross compilers, which carry the name of their target, also where
// the board's processor is this computer's. And node-gyp, which every npm brings for itself.

import { existsSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Board } from '../../../shared/board/boards.ts';
import { findTool, runTool } from '../../run-tool.ts';
import type { Environment } from '../../tool-environment.ts';
import { UserError } from '../../user-error.ts';

export interface Toolchain {
  /** As gyp and make read them. */
  variables: Record<'CC' | 'CXX' | 'AR' | 'LINK', string>;
  /** What the compiler says that it is. */
  version: string;
  /** The script. */
  nodeGyp: string;
  /** The Node.js that npm runs on. */
  node: string;
}

/** `act`: for the message, what was attempted. */
export async function findToolchain(board: Board, act: string, environment: Environment): Promise<Toolchain> {
  const { gnuTriplet } = board;
  const variables = { CC: 'gcc', CXX: 'g++', AR: 'ar', LINK: 'g++' };
  for (const variable of ['CC', 'CXX', 'AR', 'LINK'] as const) {
    const tool = `${gnuTriplet}-${variables[variable]}`;
    const path = await findTool(tool, environment);
    if (path === undefined)
      throw new UserError(`${act}: there is no "${tool}" on PATH`, {
        topic: 'native-add-on',
        hint: `On Debian, install "g++-${gnuTriplet.replaceAll('_', '-')}" and "make", or take "compile" out of the app.`,
      });
    variables[variable] = path;
  }
  for (const name of ['make', 'python3', 'npm', 'node'])
    if ((await findTool(name, environment)) === undefined)
      throw new UserError(`${act}: there is no "${name}" on PATH`, {
        topic: 'native-add-on',
        hint: `Install "${name}", or take "compile" out of the app.`,
      });
  const { stdout } = await runTool(variables.CXX, ['--version'], { environment, directory: '/' });
  return {
    variables,
    version: stdout.split('\n')[0] ?? '',
    nodeGyp: await nodeGypOfNpm(act, environment),
    node: (await findTool('node', environment)) ?? '',
  };
}

async function nodeGypOfNpm(act: string, environment: Environment): Promise<string> {
  const npm = realpathSync((await findTool('npm', environment)) ?? '');
  const path = join(dirname(dirname(npm)), 'node_modules/node-gyp/bin/node-gyp.js');
  if (existsSync(path)) return path;
  throw new UserError(`${act}: the npm at "${npm}" brings no node-gyp`, {
    topic: 'native-add-on',
    hint: 'Use the npm of nodejs.org, or take "compile" out of the app.',
  });
}
