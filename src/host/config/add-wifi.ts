// Gives an instance Wi-Fi: puts `network.wifi` into tskrazy.json.

import { realpath, writeFile } from 'node:fs/promises';
import { findNodeAtLocation, parseTree } from 'jsonc-parser';
import { writeOutputFile } from '../files/output-file.ts';
import { insertProperty } from './insert-property.ts';
import { readConfigText } from './instance.ts';
import { parseConfig } from './parse-config.ts';

/** The file has no mistakes and no Wi-Fi yet. */
export async function addWifi(configPath: string, country: string): Promise<void> {
  const edited = insertWifi(await readConfigText(configPath), country);
  parseConfig(edited, configPath);
  // An instance may share its configuration by a symbolic link: the file is replaced, not the link.
  const target = await realpath(configPath);
  await writeOutputFile(target, 'the configuration', (temporary) => writeFile(temporary, edited));
}

/** `text` must be valid. */
function insertWifi(text: string, country: string): string {
  const tree = parseTree(text, [], { allowTrailingComma: true });
  if (!tree) throw new SyntaxError('Cannot insert Wi-Fi: the text is not JSON');
  const network = findNodeAtLocation(tree, ['network']);
  return network
    ? insertProperty(text, network, 'wifi', { country })
    : insertProperty(text, tree, 'network', { wifi: { country } });
}
