// The ABI of Node.js that add-ons without Node-API are compiled for (NODE_MODULE_VERSION, `process.versions.modules`): it
// is another one with each major version. doc/abi_version_registry.json of Node.js lists them.

const ABIS: Readonly<Record<string, string>> = {
  18: '108',
  19: '111',
  20: '115',
  21: '120',
  22: '127',
  23: '131',
  24: '137',
  25: '141',
  26: '147',
};

/** Undefined for a version that is newer than this list and another one than tsk runs on. */
export function abiOfNode(version: string): string | undefined {
  const [major = ''] = version.split('.');
  if (Object.hasOwn(ABIS, major)) return ABIS[major];
  return process.versions.node.startsWith(`${major}.`) ? process.versions.modules : undefined;
}

export function nodeOfAbi(abi: string): string | undefined {
  return Object.entries(ABIS).find(([, each]) => each === abi)?.[0];
}
