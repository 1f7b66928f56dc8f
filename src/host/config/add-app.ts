// Adds an app to tskrazy.json.

import { realpath, writeFile } from 'node:fs/promises';
import { findNodeAtLocation, parseTree } from 'jsonc-parser';
import type { AppFileEntry } from '../../shared/config/app.ts';
import { writeOutputFile } from '../files/output-file.ts';
import { UserError } from '../user-error.ts';
import { insertProperty } from './insert-property.ts';
import { readConfigText } from './instance.ts';
import { parseConfig } from './parse-config.ts';
import { ConfigError, displayPath } from './problem.ts';

/** Throws UserError when the file has mistakes or the app would be one; the file is then left as it is. */
export async function addApp(configPath: string, name: string, app: AppFileEntry): Promise<void> {
  const text = await readConfigText(configPath);
  const before = parseConfig(text, configPath);
  if (Object.hasOwn(before.apps ?? {}, name)) {
    throw new UserError(
      `Cannot add app "${name}": "${displayPath(configPath)}" already has an app of that name`,
      {
        hint: 'Give another name with --name, or change the app with "tsk edit".',
      },
    );
  }
  const edited = insertApp(text, name, app);
  try {
    parseConfig(edited, configPath);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new UserError(
      `Cannot add app "${name}": ${error.problems.map(({ message }) => message).join('; ')}`,
    );
  }
  // An instance may share its configuration by a symbolic link: the file is replaced, not the link.
  const target = await realpath(configPath);
  await writeOutputFile(target, 'the configuration', (temporary) => writeFile(temporary, edited));
}

/** `text` must be valid. */
export function insertApp(text: string, name: string, app: AppFileEntry): string {
  const tree = parseTree(text, [], { allowTrailingComma: true });
  if (!tree) throw new SyntaxError(`Cannot insert app "${name}": the text is not JSON`);
  const apps = findNodeAtLocation(tree, ['apps']);
  return apps ? insertProperty(text, apps, name, app) : insertProperty(text, tree, 'apps', { [name]: app });
}
