// What the board is, as device tree (Raspberry Pis) or DMI (PCs) tell it. Nothing of it changes while the device runs.

import { readFileSync } from 'node:fs';

export interface BoardFacts {
  model: string | null;
  processor: string | null;
  /** As its maker counts. */
  revision: string | null;
  serialNumber: string | null;
}

interface Places {
  proc?: string;
  sys?: string;
}

/** What makers leave in DMI where they should have put something. */
const FILLER =
  /^(?:|0+|none|n\/?a|default string|not (?:applicable|specified|available)|system .*|to be filled .*|x+|unknown|invalid)$/i;

export function readBoard({ proc = '/proc', sys = '/sys' }: Places = {}): BoardFacts {
  const dmi = (name: string): string => {
    const text = tryRead(`${sys}/class/dmi/id/${name}`)?.trim() ?? '';
    return FILLER.test(text) ? '' : text;
  };
  const ofTree = (name: string): string | undefined =>
    tryRead(`${proc}/device-tree/${name}`)?.replace(/\0.*$/s, '').trim();
  const model = ofTree('model') ?? `${dmi('sys_vendor')} ${dmi('product_name')}`.trim();
  const processor = /^model name\s*: (.+)$/m.exec(tryRead(`${proc}/cpuinfo`) ?? '')?.[1]?.trim();
  return {
    model: model === '' ? null : model,
    processor: processor ?? null,
    revision: readRevision(proc) ?? (dmi('product_version') || null),
    serialNumber: (ofTree('serial-number') ?? dmi('product_serial')) || null,
  };
}

/** `a02082`: the code of a Raspberry Pi's model, memory and maker. One big-endian word of the tree. */
function readRevision(proc: string): string | undefined {
  const word = tryRead(`${proc}/device-tree/system/linux,revision`);
  return word?.length === 4 ? Buffer.from(word, 'latin1').readUInt32BE(0).toString(16) : undefined;
}

function tryRead(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return undefined;
  }
}
