// What the path of a prebuilt add-on says of the Node.js that it is for, as those read it that load it: node-gyp-build
// (`prebuilds/linux-x64/name.node.abi115.node`; node-gyp-build-optional-packages without the directory) and node-pre-gyp
// (`lib/binding/node-v115-linux-x64/name.node`). An add-on without such a word is for any.

import type { Board } from '../../../shared/board/boards.ts';
import { nodeOfAbi } from '../../components/node-abi.ts';
import type { AppNode } from './app-node.ts';

/** libuv's major version, in all of Node.js since 2015. */
const UV = '1';

/** Why nothing loads it on the board; undefined when it may be loaded. */
export function addonMismatch(path: string, board: Board, node: AppNode | undefined): string | undefined {
  const [, abiOfDirectory] = /(?:^|\/)node-v(\d+)(?:-[^/]*)?\//.exec(path) ?? [];
  if (abiOfDirectory !== undefined) return abiMismatch(abiOfDirectory, node);
  const [, name] = /(?:^|\/prebuilds\/[^/]+\/|^prebuilds\/[^/]+\/)([^/]+)\.node$/.exec(path) ?? [];
  if (name === undefined) return undefined;
  const tags = name.split('.');
  const numberOf = (tag: string): string | undefined =>
    tags.find((each) => each.startsWith(tag) && /^\d+$/.test(each.slice(tag.length)))?.slice(tag.length);
  const [abi, uv, arm] = [numberOf('abi'), numberOf('uv'), numberOf('armv')];
  const runtime = tags.find((tag) => tag === 'electron' || tag === 'node-webkit');
  if (runtime !== undefined) return `it is for ${runtime === 'electron' ? 'Electron' : 'NW.js'}`;
  if (tags.includes('musl')) return 'it is for another C library than glibc';
  if (uv !== undefined && uv !== UV) return `it is for version ${uv} of libuv`;
  if (arm !== undefined && !(board.nodeArch === 'arm64' && arm === '8')) return `it is for ARMv${arm}`;
  return abi === undefined || tags.includes('napi') ? undefined : abiMismatch(abi, node);
}

function abiMismatch(abi: string, node: AppNode | undefined): string | undefined {
  if (node?.abi === undefined || node.abi === abi) return undefined;
  const line = nodeOfAbi(abi);
  const of = line === undefined ? '' : `, that of Node.js ${line}`;
  return `it is for ABI ${abi}${of}, and the ${node.line === undefined ? 'image' : 'app'}'s Node.js ${node.version} has ${node.abi}`;
}
