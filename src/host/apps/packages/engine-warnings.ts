// What a build says of programs, plugins and packages that are not for the Node.js that the app gets. Most run all the same:
// their authors have not tried it yet.

import { join } from 'node:path';
import { isInRange } from '../../components/version-range.ts';
import type { AppConfig } from '../../config/app-config.ts';
import type { AppContext } from '../app-context.ts';
import { nodeOfApp, otherNodes } from './app-node.ts';
import { readPackageJson } from './package-json.ts';

/** `packages`: those that the app itself names; what these depend on is for their authors to choose. */
export function engineWarnings(
  app: AppConfig,
  packages: readonly { name: string; directory: string }[],
  context: AppContext,
): string[] {
  const node = nodeOfApp(app, context);
  if (node === undefined) return [];
  const has = `${node.line === undefined ? 'the image has' : 'the app gets'} ${node.version}`;
  return packages.flatMap(({ name, directory }) => {
    const { version, engines } = readPackageJson<{ version: string; engines: { node?: unknown } }>(
      join(directory, 'package.json'),
    );
    const range = engines?.node;
    if (typeof range !== 'string' || isInRange(node.version, range) !== false) return [];
    const other = otherNodes(app, context).find((each) => isInRange(each.version, range) === true);
    const way =
      other === undefined
        ? ''
        : `. apps.${app.name}.nodeVersion: "${other.line}" gives the app Node.js ${other.version}`;
    return [`app "${app.name}": ${name} ${version} says that it is for Node.js ${range}; ${has}${way}`];
  });
}
