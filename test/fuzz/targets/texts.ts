// Texts: what apps print, what devices answer, what the kernel says, what lies in logs and boot files.

import { decodeKeptLines, encodeKeptLine } from '../../../src/device/init/log/kept-line.ts';
import { parseKernelRecord } from '../../../src/device/init/log/kernel-log.ts';
import { LineSplitter, MAX_LINE_BYTES } from '../../../src/device/init/log/line-splitter.ts';
import { parseDeviceJson } from '../../../src/host/devices/device-json.ts';
import { applyHunks, parseDiff } from '../../../src/host/apps/packages/unified-diff.ts';
import { parsePlist } from '../../../src/formats/plist.ts';
import { parseCmdline } from '../../../src/shared/board/cmdline.ts';
import {
  formatLoaderConf,
  formatLoaderEntry,
  parseLoaderConf,
  parseLoaderEntry,
} from '../../../src/shared/boot-loader/loader-entry.ts';
import { parseStructuredLine } from '../../../src/shared/services/structured-log.ts';
import { parseStyledText, plainText } from '../../../src/shared/text/styled-text.ts';
import { readServerSentEvents, type ServerSentEvent } from '../../../src/shared/api/server-sent-events.ts';
import { hasSecretInAddress, MASK, maskSecrets } from '../../../src/shared/text/mask-secrets.ts';
import { visibleText } from '../../../src/shared/text/visible-text.ts';
import { parseWifiFile } from '../../../src/shared/network/wifi-file.ts';
import { describeJoinProblem } from '../../../src/device/net/wifi/describe-problem.ts';
import {
  INITIAL_JOIN_STATE,
  onSearched,
  onSupplicantEvent,
} from '../../../src/device/net/wifi/join-state.ts';
import {
  parseScanResults,
  parseSupplicantEvent,
  parseSupplicantFields,
} from '../../../src/formats/supplicant-control.ts';
import { type FuzzTarget, isSyntaxError, json, utf8 } from '../fuzz-target.ts';

const text = (input: Uint8Array): string => Buffer.from(input).toString('utf8');
// oxlint-disable-next-line no-control-regex
const STEERS_TERMINALS = /[\u0000-\u0008\u000a-\u001f\u007f-\u009f]/;

async function readEvents(chunks: readonly string[]): Promise<ServerSentEvent[]> {
  async function* source(): AsyncGenerator<string> {
    yield* chunks;
  }
  return Array.fromAsync(readServerSentEvents(source()));
}

/** Names too. */
function textsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, each]) => [name, ...textsIn(each)]);
}

const OUTPUT = [
  'one\ntwo\r\nthree\rfour\r\n',
  `10 %\r20 %\r30 %\rdone\n${'x'.repeat(MAX_LINE_BYTES + 10)}\n`,
  '\u001b[1;31mred\u001b[0m \u001b[8mhidden \u001b]0;title\u0007 ünïcode \u{1f600}\n',
  '{"level":"info","msg":"hello","time":1}\n{"a":{"b":[1,2]}}\n',
];

const PATCHED = 'a\nb\nc\nd\n';
const PATCHES = [
  'diff --git a/x b/x\nindex 1..2 100644\n--- a/x\n+++ b/x\n@@ -1,3 +1,3 @@\n a\n-b\n+B\n c\n@@ -4 +4,2 @@\n d\n+e\n\\ No newline at end of file\n',
  'diff --git "a/caf\\303\\251" b/y\nsimilarity index 90%\nrename from caf\nrename to y\nold mode 100644\nnew mode 100755\n',
  'diff --git a/z b/z\nnew file mode 100644\n--- /dev/null\n+++ b/z\n@@ -0,0 +1 @@\n+z\ndiff --git a/q b/q\nBinary files a/q and b/q differ\n',
];

export const TEXT_TARGETS = {
  patch: {
    corpus: () => PATCHES.map(utf8),
    run: (input) => {
      const files = parseDiff(Buffer.from(input).toString('latin1'));
      const kinds = files.map(({ change, isBinary, movedFrom, hunks }) => {
        const lines = applyHunks(PATCHED, hunks)?.split('\n');
        const added = hunks.flatMap((hunk) => hunk.lines).length;
        if (lines !== undefined && lines.length > PATCHED.split('\n').length + added)
          throw new Error(`A patch of ${added} lines made ${lines.length}`);
        return `${change} ${isBinary} ${movedFrom !== undefined} ${hunks.length > 0} ${lines !== undefined}`;
      });
      return [...new Set(kinds)].toSorted().slice(0, 2).join(', ');
    },
    refuses: () => false,
    form: 'text',
  },
  'masked-text': {
    corpus: () =>
      [
        'curl --token abc https://me:pw@a.example/?key=1',
        'DB_PASSWORD: x, "apiKey": "y"',
        'Bearer abcdefgh',
      ].map(utf8),
    run: (input) => {
      const masked = maskSecrets(text(input));
      return `${Math.min(9, masked.split(MASK).length)} ${hasSecretInAddress(masked)}`;
    },
    refuses: () => false,
    form: 'text',
  },
  output: {
    corpus: () => OUTPUT.map(utf8),
    run: (input) => {
      const lines: string[] = [];
      const splitter = new LineSplitter((line) => lines.push(line));
      for (let at = 0; at < input.length; at += 700)
        splitter.write(Buffer.from(input.subarray(at, at + 700)));
      splitter.end();
      for (const line of lines) {
        // A control of one byte is shown by four characters.
        if (line.length > 4 * MAX_LINE_BYTES + 100) throw new Error(`A line has ${line.length} characters`);
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
  'server-sent-events': {
    corpus: () => [
      utf8(
        'retry: 2000\n\n: \n\nid: b:1\nevent: lines\ndata: [1]\n\ndata: two\r\ndata:  lines\r\n\r\nid\ndata\r\rdata: cut',
      ),
    ],
    run: async (input) => {
      const whole = await readEvents([text(input)]);
      // Where it is cut makes no difference.
      const at = input.length % 17;
      const cut = await readEvents([text(input).slice(0, at), '', ...text(input).slice(at).split('')]);
      if (JSON.stringify(whole) !== JSON.stringify(cut)) throw new Error('Other events in other chunks');
      return `${Math.min(9, whole.length)} ${whole[0]?.event === 'message'}`;
    },
    refuses: (error) => error instanceof RangeError,
    form: 'text',
  },
  'device-json': {
    corpus: () => [
      json({ error: { code: 'x', message: '\u001b[2J\u202e' }, list: [1, null, { '\u0007': ['a\u2028b'] }] }),
      json([[[[[['deep']]]]]]),
    ],
    run: (input) => {
      let value: unknown;
      try {
        value = parseDeviceJson(text(input));
      } catch (error) {
        // Each message of the engine's quotes its input, and would be taken for something new.
        if (isSyntaxError(error)) return 'no';
        throw error;
      }
      const texts = textsIn(value).map((each) => each.replaceAll('\t', ''));
      const steering = texts.find(
        (each) => STEERS_TERMINALS.test(each) || /[\u202a-\u202e\u2066-\u2069]/.test(each),
      );
      if (steering !== undefined) throw new Error(`Steers a terminal: ${JSON.stringify(steering)}`);
      return `${typeof value} ${Math.min(9, texts.length)}`;
    },
    refuses: () => false,
    form: 'JSON',
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
  'property-list': {
    corpus: () => [
      utf8(
        '<?xml version="1.0"?>\n<!DOCTYPE plist>\n<plist version="1.0">\n<dict>\n<key>a&amp;</key>\n<array>\n<string>x&#233;</string>' +
          '<integer>5</integer><true/><dict/></array>\n<key>b</key><real>1.5</real>\n</dict>\n</plist>\n',
      ),
    ],
    run: (input) => typeof parsePlist(text(input)),
    refuses: isSyntaxError,
    form: 'text',
  },
  supplicant: {
    corpus: () => [
      utf8('<3>CTRL-EVENT-CONNECTED - Connection to 02:00:00:00:00:00 completed [id=3 id_str=]'),
      utf8('<3>CTRL-EVENT-SSID-TEMP-DISABLED id=0 ssid="a \\"b\\" id=9" auth_failures=1 reason=WRONG_KEY'),
      utf8(
        'bssid / frequency / signal level / flags / ssid\n02:00\t2412\t-30\t[WPA2-PSK+SAE-CCMP][ESS]\tK\\xc3\\xbcche',
      ),
      utf8('RSSI=-42\nFREQUENCY=2412\n'),
    ],
    run: (input) => {
      const answer = Buffer.from(input).toString('latin1');
      const event = parseSupplicantEvent(answer);
      const state = event && onSupplicantEvent(INITIAL_JOIN_STATE, event, () => 'a');
      const heard = parseScanResults(answer);
      const networks = [{ ssid: 'a', psk: 'x' }];
      const sentence = describeJoinProblem(
        onSearched(state ?? INITIAL_JOIN_STATE, networks, heard),
        networks,
      );
      return `${event?.name} ${heard[0]?.keyManagement.join()} ${parseSupplicantFields(answer).size > 0} ${sentence}`;
    },
    refuses: () => false,
    form: 'text',
  },
  'wifi-file': {
    corpus: () => [
      json({ country: 'DE', networks: [{ ssid: 'home', passphrase: 'correct horse', hidden: true }] }),
      json({
        country: 'DE',
        networks: [
          { ssid: 'a', psk: 'ab'.repeat(32) },
          { ssid: 'b', open: true },
        ],
      }),
      json({ country: 'DE', networks: [{ ssid: 'lab', passphrase: 'correct horse', wpa3: true }] }),
    ],
    run: (input) => {
      const kinds = parseWifiFile(input).networks.map((network) => Object.keys(network).join());
      return kinds.join(' ');
    },
    refuses: isSyntaxError,
    form: 'JSON',
  },
  'kernel-arguments': {
    corpus: () => [utf8('console=tty0 tskrazy.slot=a root=PARTUUID=1/PARTNROFF=1 "x=a b" quiet=')],
    run: (input) => `${Math.min(9, parseCmdline(text(input)).size)}`,
    refuses: () => false,
    form: 'text',
  },
} satisfies Record<string, FuzzTarget>;
