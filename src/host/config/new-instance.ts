// Makes a new instance from a template: real files in host/templates, with a few {{words}} filled in.

import { randomBytes, randomInt } from 'node:crypto';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { BOARD_IDS, type BoardId } from '../../shared/board/boards.ts';
import { hostnameProblem } from '../../shared/config/hostname.ts';
import { packageRoot, type Template, templateDirectory } from '../package-root.ts';
import { UserError } from '../user-error.ts';
import { STATE_DIRECTORY_NAME } from './instance.ts';
import { makePrivateDirectory } from '../files/private-file.ts';
import { plainName } from './plain-name.ts';
import { displayPath } from './problem.ts';
import { ensureUpdateKeys } from './update-keys.ts';
import { listTree } from '../files/list-tree.ts';
import { makeDirectory } from '../files/make-directory.ts';
import { writeProblem } from '../files/write-problem.ts';

export interface NewInstance {
  directory: string;
  hostname: string;
  /** Relative to the directory. */
  files: readonly string[];
}

/** Writes nothing when a file of the template is there already. */
export async function createInstance(
  directory: string,
  options: { template: Template; board: BoardId },
): Promise<NewInstance> {
  const root = resolve(directory);
  const hostname = hostnameFor(root);
  const words: Record<string, string> = {
    hostname,
    board: options.board,
    boards: BOARD_IDS.join(', '),
    packageName: hostname.toLowerCase(),
    tskrazyDependency: tskrazyDependency(root),
    ...accessoryWords(),
  };
  const files = await readTemplate(options.template);
  refuseToOverwrite(root, [...files.keys()]);
  const written: string[] = [];
  try {
    for (const [name, text] of files) {
      const path = join(root, name);
      await makeDirectory(dirname(path));
      // `wx`: not even a file that came up since the check is overwritten.
      await writeFile(path, fillIn(text, words), { flag: 'wx' });
      written.push(path);
    }
    await makeState(join(root, STATE_DIRECTORY_NAME));
  } catch (cause) {
    for (const path of written) await rm(path, { force: true });
    throw explainWriteError(cause, root);
  }
  return { directory: root, hostname, files: [...files.keys()] };
}

function digits(count: number): string {
  return String(randomInt(10 ** count)).padStart(count, '0');
}

/** What a HomeKit bridge is known by, and the code that pairs with it: two of one network must differ. */
function accessoryWords(): Record<'accessoryId' | 'accessoryPin', string> {
  const id = randomBytes(5).toString('hex').toUpperCase().match(/../g) ?? [];
  // The second bit of the first byte: an address of nobody's hardware.
  return { accessoryId: ['0E', ...id].join(':'), accessoryPin: `${digits(3)}-${digits(2)}-${digits(3)}` };
}

/** The key of the updates alone cannot be had anew later: it is there to be copied from the start. */
async function makeState(stateDirectory: string): Promise<void> {
  await makePrivateDirectory(stateDirectory);
  await ensureUpdateKeys({ stateDirectory });
}

async function readTemplate(template: Template): Promise<Map<string, string>> {
  const source = join(templateDirectory(), template);
  const entries = await listTree(source);
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const files = new Map<string, string>();
  for (const path of paths.toSorted()) {
    // npm would take a .gitignore in our package for its own, so the template's has no dot.
    const name = relative(source, path).replace(/(^|\/)gitignore$/, '$1.gitignore');
    files.set(name, await readFile(path, 'utf8'));
  }
  return files;
}

function fillIn(text: string, words: Record<string, string>): string {
  return text.replaceAll(/\{\{(\w+)\}\}/g, (whole, word: string) => words[word] ?? whole);
}

/** The directory's name made a hostname: lower case, hyphens for what is not allowed, nothing that means something else. */
export function hostnameFor(directory: string): string {
  const name = plainName(basename(resolve(directory)), 'a-z0-9');
  if (name === '') return 'tskrazy';
  return hostnameProblem(name) === undefined ? name : `tsk-${name}`.slice(0, 63);
}

/** The package of a checkout is the checkout itself: its version may not be published. */
function tskrazyDependency(directory: string): string {
  const root = packageRoot();
  return root.isCheckout ? `file:${relative(directory, root.directory)}` : `^${root.version}`;
}

function refuseToOverwrite(directory: string, names: readonly string[]): void {
  const present = names.filter((name) => existsSync(join(directory, name)));
  if (present.length === 0) return;
  const list = present.map((name) => `"${name}"`).join(', ');
  throw new UserError(`Cannot make a new instance in "${displayPath(directory)}": it already has ${list}`, {
    hint: present.includes('tskrazy.json')
      ? 'Add programs to it with "tsk add", or name another directory.'
      : 'Name another directory: tsk new DIR.',
  });
}

const IN_THE_WAY: Readonly<Record<string, string>> = {
  ENOTDIR: 'a part of the path is not a directory',
  EEXIST: 'a file is where a directory is needed',
};

function explainWriteError(cause: unknown, directory: string): unknown {
  const problem = IN_THE_WAY[(cause as NodeJS.ErrnoException).code ?? ''] ?? writeProblem(cause);
  if (problem === undefined) return cause;
  return new UserError(`Cannot make a new instance in "${directory}": ${problem}`, { cause });
}
