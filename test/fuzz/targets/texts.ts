// Texts: what apps print, what the kernel says, what lies in logs and boot files.

import { decodeKeptLines, encodeKeptLine } from '../../../src/device/init/log/kept-line.ts';
import { parseKernelRecord } from '../../../src/device/init/log/kernel-log.ts';
import { LineSplitter, MAX_LINE_BYTES } from '../../../src/device/init/log/line-splitter.ts';
import { parseCmdline } from '../../../src/shared/board/cmdline.ts';
import {
  formatLoaderConf,
  formatLoaderEntry,
  parseLoaderConf,
  parseLoaderEntry,
} from '../../../src/shared/boot-loader/loader-entry.ts';
import { parseStructuredLine } from '../../../src/shared/services/structured-log.ts';
import { parseStyledText, plainText } from '../../../src/shared/text/styled-text.ts';
import { visibleText } from '../../../src/shared/text/visible-text.ts';
import { type FuzzTarget, isSyntaxError, utf8 } from '../fuzz-target.ts';

const text = (input: Uint8Array): string => Buffer.from(input).toString('utf8');
// oxlint-disable-next-line no-control-regex
const STEERS_TERMINALS = /[\u0000-\u0008\u000a-\u001f\u007f-\u009f]/;

const OUTPUT = [
  'one\ntwo\r\nthree\rfour\r\n',
  `10 %\r20 %\r30 %\rdone\n${'x'.repeat(MAX_LINE_BYTES + 10)}\n`,
  '\u001b[1;31mred\u001b[0m \u001b[8mhidden \u001b]0;title\u0007 ünïcode \u{1f600}\n',
  '{"level":"info","msg":"hello","time":1}\n{"a":{"b":[1,2]}}\n',
];

export const TEXT_TARGETS = {
  output: {
    corpus: () => OUTPUT.map(utf8),
    run: (input) => {
      const lines: string[] = [];
      const splitter = new LineSplitter((line) => lines.push(line));
      for (let at = 0; at < input.length; at += 700)
        splitter.write(Buffer.from(input.subarray(at, at + 700)));
      splitter.end();
      for (const line of lines) {
        if (line.length > 2 * MAX_LINE_BYTES + 100) throw new Error(`A line has ${line.length} characters`);
        if (STEERS_TERMINALS.test(line))
          throw new Error(`A line steers terminals: ${JSON.stringify(line.slice(0, 100))}`);
      }
      return `${Math.min(9, lines.length)}`;
    },
    refuses: () => false,
    form: 'text',
  },
  'log-line': {
    corpus: () => OUTPUT.flatMap((each) => each.split('\n')).map(utf8),
    run: (input) => {
      const line = text(input);
      const spans = parseStyledText(line);
      const visible = visibleText(plainText(line));
      if (/[\u202a-\u202e\u2066-\u2069]/.test(visible)) throw new Error('A bidi control is invisible');
      return `${Math.min(9, spans.length)} ${parseStructuredLine(line) !== undefined}`;
    },
    refuses: () => false,
    form: 'text',
  },
  'kept-log': {
    corpus: () => [
      utf8(
        [1, 1_700_000_000_000]
          .map((timeMs) => encodeKeptLine({ timeMs, stream: 'stdout', text: 'hello' }))
          .join(''),
      ),
    ],
    run: (input) => `${Math.min(9, decodeKeptLines(text(input)).length)}`,
    refuses: () => false,
    form: 'text',
  },
  'kernel-record': {
    corpus: () => [
      utf8('6,339,5140900,-;NET: Registered\\x20 PF_INET6\n SUBSYSTEM=x\n'),
      utf8('3,1,1,c,caller=T1;x'),
    ],
    run: (input) => parseKernelRecord(text(input), 0)?.stream,
    refuses: () => false,
    form: 'text',
  },
  'boot-files': {
    corpus: () => [utf8(formatLoaderConf('a')), utf8(formatLoaderEntry('b', 'root=/dev/x ro "a b"'))],
    run: (input) => {
      const results = [parseLoaderConf, parseLoaderEntry].map((parse) => {
        try {
          return typeof parse(text(input));
        } catch (error) {
          if (!isSyntaxError(error)) throw error;
          return 'no';
        }
      });
      return results.join();
    },
    refuses: isSyntaxError,
    form: 'text',
  },
  'kernel-arguments': {
    corpus: () => [utf8('console=tty0 tskrazy.slot=a root=PARTUUID=1/PARTNROFF=1 "x=a b" quiet=')],
    run: (input) => `${Math.min(9, parseCmdline(text(input)).size)}`,
    refuses: () => false,
    form: 'text',
  },
} satisfies Record<string, FuzzTarget>;
