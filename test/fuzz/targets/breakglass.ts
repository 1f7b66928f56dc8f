// What comes to open a break-glass session: the request that a permit holds, and the tar that is sent then.

import { Buffer } from 'node:buffer';
import {
  readTar,
  tarEnd,
  TarError,
  type TarEntry,
  tarHeader,
  tarPadding,
} from '../../../src/formats/ustar.ts';
import { parseBreakglassRequest } from '../../../src/shared/breakglass/breakglass-request.ts';
import { type FuzzTarget, isSyntaxError, json } from '../fuzz-target.ts';

const REQUEST = {
  toolboxSha256: '2'.repeat(64),
  lifetimeSec: 3600,
  staysOpen: false,
  listen: true,
  sshKeys: [`ssh-ed25519 ${'A'.repeat(68)}`, `ecdsa-sha2-nistp256 ${'B'.repeat(139)}=`],
  client: 'me@laptop',
};

const LIMITS = { maxEntries: 20, maxBytes: 10_000 };

function entry(path: string, kind: TarEntry['kind'], sizeBytes = 0, target = ''): Uint8Array {
  return tarHeader({ path, kind, mode: 0o755, sizeBytes, target });
}

function tar(): Uint8Array {
  return Uint8Array.from(
    Buffer.concat([
      entry('usr', 'directory'),
      entry('usr/tool', 'file', 700),
      Buffer.alloc(700, 'x'),
      tarPadding(700),
      entry(`${'a'.repeat(90)}/${'b'.repeat(90)}`, 'symlink', 0, '../tool'),
      tarEnd(),
    ]),
  );
}

export const BREAKGLASS_TARGETS = {
  'breakglass-request': {
    corpus: () => [json(REQUEST)],
    run: (input) => {
      const { sshKeys } = parseBreakglassRequest(new TextDecoder().decode(input));
      // Each is a line of authorized_keys: with a line's end in it it would be two, and with more words options may be among them.
      const other = sshKeys.find((key) => key.split(/\s/).length !== 2);
      if (other !== undefined) throw new Error(`Took the key "${other}"`);
      return undefined;
    },
    refuses: isSyntaxError,
    form: 'JSON',
  },
  ustar: {
    corpus: () => [tar()],
    run: async (input) => {
      let bytes = 0;
      const seen: string[] = [];
      async function* arriving(): AsyncGenerator<Uint8Array> {
        for (let at = 0; at < input.length; at += 333) yield input.subarray(at, at + 333);
      }
      for await (const event of readTar(arriving(), LIMITS)) {
        if (event.type === 'content') bytes += event.bytes.length;
        else seen.push(event.entry.kind);
        if (event.type === 'entry' && /(^|\/)\.{0,2}(\/|$)/.test(event.entry.path))
          throw new Error(`Took the path "${event.entry.path}"`);
      }
      if (bytes > LIMITS.maxBytes) throw new Error(`Took ${bytes} bytes`);
      return seen.join();
    },
    refuses: (error) => error instanceof TarError,
  },
} satisfies Record<string, FuzzTarget>;
