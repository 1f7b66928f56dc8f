// The versions of Node.js that this tsk was made for. `tsk get -u` alone moves them, to the newest of their lines: what init
// and all programs of ours run on has `node:ffi`, which is experimental.

import type { NodeComponentName } from './component.ts';

export const NODE_VERSIONS: Readonly<Record<NodeComponentName, string>> = {
  node: '26.10.0',
  'node-22': '22.23.5',
  'node-24': '24.22.3',
};
