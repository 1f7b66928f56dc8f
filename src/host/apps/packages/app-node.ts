// The Node.js that an app will run on, as far as the lock says it: the image's, or the line that it asks for.

import { SERVICE_PATH } from '../../../shared/services/app-contract.ts';
import { type NodeLine, NODE_LINES, nodeDirectory, nodePath } from '../../../shared/services/node-lines.ts';
import { nodeComponentOf } from '../../components/component.ts';
import { abiOfNode } from '../../components/node-abi.ts';
import { NODE_VERSIONS } from '../../components/node-versions.ts';
import type { AppContext } from '../app-context.ts';

export interface AppNode {
  /** Undefined: the image's. */
  line: NodeLine | undefined;
  version: string;
  /** Unknown for versions that are newer than this tsk. */
  abi: string | undefined;
}

/** What an app's configuration says of it. */
interface Choice {
  nodeVersion?: NodeLine | undefined;
}

type Locked = Pick<AppContext, 'board' | 'lock'>;

/** Undefined with a directory in the place of the component: it says nothing of its version. */
export function nodeOfApp({ nodeVersion: line }: Choice, { board, lock }: Locked): AppNode | undefined {
  const version = lock.boards[board.id]?.[nodeComponentOf(line)]?.version;
  return version === undefined ? undefined : { line, version, abi: abiOfNode(version) };
}

/** Those that the app would get by another `nodeVersion`, the newest first; what is not pinned yet as it would be. */
export function otherNodes(
  { nodeVersion }: Choice,
  { board, lock }: Locked,
): (AppNode & { line: NodeLine })[] {
  return NODE_LINES.filter((line) => line !== nodeVersion)
    .toReversed()
    .map((line) => {
      const name = nodeComponentOf(line);
      const version = lock.boards[board.id]?.[name]?.version ?? NODE_VERSIONS[name];
      return { line, version, abi: abiOfNode(version) };
    });
}

export function nodeProgram({ nodeVersion }: Choice): string {
  return nodePath(nodeVersion);
}

/** So that a program which starts "node" by its name gets the one that it runs on itself. */
export function nodeEnvironment({ nodeVersion }: Choice): Record<string, string> {
  return nodeVersion === undefined ? {} : { PATH: `${nodeDirectory(nodeVersion)}:${SERVICE_PATH}` };
}
