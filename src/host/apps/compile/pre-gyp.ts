// Build files that node-pre-gyp would run get some of their values from it: where the add-on goes, and how it is called.
// `binary` of package.json has them, with names to be filled in.

import { join, resolve } from 'node:path';
import { abiOfNode } from '../../components/node-abi.ts';
import { readPackageJson } from '../packages/package-json.ts';
import type { NpmPackage } from '../packages/npm-package.ts';

interface Binary {
  module_name?: unknown;
  module_path?: unknown;
  napi_versions?: unknown;
}

/** `work`: where it is compiled. */
export function preGypArguments(
  { directory, version }: NpmPackage,
  work: string,
  nodeVersion: string,
): string[] {
  const { binary } = readPackageJson<{ binary: Binary }>(join(directory, 'package.json'));
  if (typeof binary?.module_name !== 'string' || typeof binary.module_path !== 'string') return [];
  const name = binary.module_name;
  const versions = Array.isArray(binary.napi_versions) ? binary.napi_versions.filter(Number.isInteger) : [];
  const napi = versions.length === 0 ? '' : String(Math.max(...(versions as number[])));
  const abi = abiOfNode(nodeVersion) ?? '';
  const values: Record<string, string> = {
    module_name: name,
    version,
    node_abi: `node-v${abi}`,
    node_napi_label: napi === '' ? `node-v${abi}` : `napi-v${napi}`,
    napi_build_version: napi,
    configuration: 'Release',
    platform: 'linux',
    libc: 'glibc',
  };
  const path = binary.module_path.replaceAll(/\{(\w+)\}/g, (text, key: string) => values[key] ?? text);
  const place = resolve(work, path);
  return [
    `--module=${join(place, `${name}.node`)}`,
    `--module_name=${name}`,
    `--module_path=${place}`,
    `--napi_version=${napi}`,
    `--napi_build_version=${napi}`,
    `--node_napi_label=${values['node_napi_label']}`,
  ];
}
