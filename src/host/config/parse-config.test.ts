import assert from 'node:assert/strict';
import { test } from 'node:test';
import { resolveConfig } from './instance-config.ts';
import { parseConfig } from './parse-config.ts';
import { ConfigError } from './problem.ts';

const PATH = '/instance/tskrazy.json';

function errorOf(text: string): ConfigError | undefined {
  try {
    parseConfig(text, PATH);
    return undefined;
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return error;
  }
}

function messageOf(text: string): string {
  return errorOf(text)?.message ?? 'valid';
}

/** Messages with their places, without the lines of the source. */
function problemsOf(text: string): string[] {
  return (errorOf(text)?.problems ?? []).map(({ line, column, message }) => `${line}:${column} ${message}`);
}

/** A valid file but for what `app` brings. */
function withApp(app: string): string {
  return `{ "hostname": "garden", "board": "pc-amd64",\n"apps": { "a": ${app} } }`;
}

/** A valid file but for what `lines` brings. */
function withKeys(lines: string): string {
  return `{ "hostname": "garden", "board": "pc-amd64",\n${lines} }`;
}

function targetProblem(to: string): string[] {
  return problemsOf(withApp(JSON.stringify({ node: 'm.ts', include: [{ from: 'x', to }] })));
}

test('parseConfig: takes comments, a trailing comma and $schema', () => {
  const text = `// mine
  { "$schema": "x", "hostname": "garden", /* here */ "board": "pc-arm64", "apps": { "a": { "go": "./a" }, }, }`;
  assert.deepEqual(parseConfig(text, PATH), {
    $schema: 'x',
    hostname: 'garden',
    board: 'pc-arm64',
    apps: { a: { go: './a' } },
  });
});

test('parseConfig: a mistake is shown with its line and a caret below it', () => {
  const text = '{\n  "hostname": "garden",\n  "board": "pc-amd64",\n  "serialConsol": "off"\n}\n';
  assert.equal(
    messageOf(text),
    [
      'Cannot use "/instance/tskrazy.json": it has a mistake',
      '',
      '/instance/tskrazy.json:4:3: unknown key "serialConsol": did you mean "serialConsole"?',
      '      "serialConsol": "off"',
      '      ^^^^^^^^^^^^^^',
    ].join('\n'),
  );
});

test('parseConfig: all mistakes of the file are listed, in its order', () => {
  const text =
    '{\n"hostname": 5,\n"board": "x",\n"apps": { "A": { "node": "m.ts" } },\n"web": { "port": 0 }\n}';
  assert.match(messageOf(text), /: it has 4 mistakes\n/);
  assert.deepEqual(problemsOf(text), [
    '2:13 "hostname" must be a string, not a number',
    '3:10 "board" must be one of "pc-amd64", "pc-arm64", "raspberry-pi", not "x"',
    '4:11 "A" is not a valid app name: lower-case letters, digits, ".", "_" and "-", at most 63, a letter or digit first',
    '5:18 "web.port" must be from 1 to 65535',
  ]);
});

test('parseConfig: syntax errors', () => {
  assert.deepEqual(problemsOf(''), ['1:1 syntax error: a value is missing here']);
  assert.deepEqual(problemsOf('{\n  "hostname": "garden"\n  "board": "pc-amd64"\n}'), [
    '3:3 syntax error: a comma is missing before this',
  ]);
  assert.deepEqual(problemsOf('{ "hostname": garden }'), [
    '1:15 syntax error: not a JSON value; strings need double quotes',
  ]);
  assert.deepEqual(problemsOf('{ "hostname": "garden", "board": "pc-amd64"'), [
    '1:44 syntax error: a closing brace } is missing here',
  ]);
  assert.deepEqual(problemsOf('{ "hostname": "gar\nden" }').slice(0, 1), [
    '1:15 syntax error: a string is not closed on its line',
  ]);
});

test('parseConfig: the column counts characters, not UTF-16 units, and a tab keeps the caret below its mark', () => {
  const text = withKeys('\t/* 🌱 */ "kernl": {}');
  assert.deepEqual(problemsOf(text), ['2:10 unknown key "kernl": did you mean "kernel"?']);
  assert.match(messageOf(text), /\n {4}\t\/\* 🌱 \*\/ "kernl": \{\} \}\n {4}\t {8}\^{7}$/);
});

test('parseConfig: a long line is shown around the mistake', () => {
  const lines = messageOf(withKeys(`"apps": { ${' '.repeat(300)} }, "hostnme": "x"`)).split('\n');
  assert.equal(lines.at(-2)?.slice((lines.at(-1) ?? '').indexOf('^')), '"hostnme": "x" }');
});

test('parseConfig: unknown keys name the nearest, or the known ones', () => {
  assert.deepEqual(problemsOf(withKeys('"kernel": { "extraArg": [] }, "wibble": 1')), [
    '2:13 unknown key "extraArg": did you mean "extraArgs"?',
    '2:31 unknown key "wibble"; known here: hostname, board, apps, serialConsole, bootloaderLines, components, network, time, kernel, update, breakglass, web',
  ]);
});

test('parseConfig: npm programs', () => {
  for (const right of [
    '"hub"',
    '"@a/hub@^2 || 3.x"',
    '"hub@next"',
    '"./hub-1.0.0.tgz", "plugins": ["../up/@a/b.tar.gz"]',
    '{ "package": "hub@1", "bin": "serve" }',
    '"hub", "overrides": { "a": "^1", "@x/b@2": { "c": "npm:@y/d@1 || 2" } }',
    '"./server"',
    '"."',
    '"../my server/x.y"',
    '{ "package": "./server", "bin": "dist/main.js" }',
    '"hub", "plugins": ["a@1"], "config": [{ "from": "./x", "to": "y/x", "keep": false }]',
  ])
    assert.deepEqual(problemsOf(withApp(`{ "npm": ${right} }`)), [], right);
  for (const wrong of [
    '"hub.tgz@file:x"',
    '"./a b.tgz"',
    '"/hub"',
    '"./a\\\\b"',
    '"/hub.tgz"',
    '"git+ssh://x/y"',
    '"hub@file:x"',
    '"hub@npm:other"',
    '"a b"',
    '""',
    '7',
  ])
    assert.match(String(problemsOf(withApp(`{ "npm": ${wrong} }`))), /"apps\.a\.npm" must /, wrong);
  assert.match(String(problemsOf(withApp('{ "npm": "hub", "plugins": ["./x"] }'))), /plugins\[0\]" must be/);
  assert.match(
    String(problemsOf(withApp('{ "npm": { "package": "x", "bim": "y" } }'))),
    /did you mean "bin"\?/,
  );
  for (const wrong of [
    '[]',
    '{ "a": "file:x" }',
    '{ "a": { "b": { "c": "1" } } }',
    '{ "../a": "1" }',
    '{ "a": "" }',
  ])
    assert.match(
      String(problemsOf(withApp(`{ "npm": "hub", "overrides": ${wrong} }`))),
      /"apps\.a\.overrides|"\.\.\/a" is not the name of an npm package/,
      wrong,
    );
  assert.deepEqual(problemsOf(withApp('{ "node": "m.ts", "plugins": ["x"] }')), [
    '2:11 "apps.a" has "plugins", which only apps with "npm" have',
  ]);
  assert.match(
    String(problemsOf(withApp('{ "npm": "hub", "config": [{ "from": "x", "to": "../x" }] }'))),
    /must be a path in the data directory/,
  );
});

function problemsWithInterface(value: string): string[] {
  return problemsOf(withKeys(`"network": { "wlan0": ${value} }`));
}

test('parseConfig: an interface without its "ipv4", or with another word, is shown where it stands', () => {
  const needs = '"network.wlan0" must be an object whose "ipv4" is "dhcp", "static" or "off"';
  assert.deepEqual(problemsWithInterface('{}'), [`2:23 ${needs}`]);
  assert.deepEqual(problemsWithInterface('{ "ipv4": "auto" }'), [`2:33 ${needs}, not "auto"`]);
  assert.deepEqual(problemsWithInterface('{ "ipv4": 4 }'), [`2:33 ${needs}, not a number`]);
  assert.deepEqual(problemsWithInterface('"dhcp"'), [`2:23 ${needs}, not "dhcp"`]);
});

function problemsOfApp(pairs: string): string {
  return String(problemsOf(withApp(`{ ${pairs} }`)));
}

function hasShell(pairs: string): unknown {
  const sandbox = resolveConfig(parseConfig(withApp(`{ ${pairs} }`), PATH), '/').apps[0]?.sandbox;
  return sandbox !== undefined && sandbox !== 'off' && sandbox.hasShell;
}

test('parseConfig: a shell is in the sandbox, for an app of any kind', () => {
  for (const pairs of ['"node": "m.ts", "shell": true', '"go": "./x", "shell": true'])
    assert.equal(hasShell(pairs), true, pairs);
  for (const pairs of ['"node": "m.ts"', '"node": "m.ts", "shell": false'])
    assert.equal(hasShell(pairs), undefined, pairs);
  assert.match(
    problemsOfApp('"node": "m.ts", "sandbox": "off", "shell": true'),
    /has "shell", which needs the sandbox/,
  );
});

test('parseConfig: directories to write to lie in the app, and one not in another', () => {
  assert.equal(problemsOfApp('"npm": "./server", "writable": ["config", ".next/cache"]'), '');
  for (const wrong of ['[".."]', '["/etc"]', '["a/../../b"]', '["a/b", "a"]', '[""]', '["."]', '"a"'])
    assert.match(
      problemsOfApp(`"node": "m.ts", "writable": ${wrong}`),
      /"apps\.a\.writable(?:\[0\])?" /,
      wrong,
    );
  assert.match(
    problemsOfApp('"go": "./x", "writable": ["a"]'),
    /has "writable", which only apps with "node" or "npm" have/,
  );
  assert.match(
    problemsOfApp('"node": "m.ts", "sandbox": "off", "writable": ["a"]'),
    /which needs the sandbox/,
  );
});

test('parseConfig: another Node.js is one of the lines that there are, for programs of Node.js', () => {
  for (const pairs of ['"npm": "x", "nodeVersion": "22"', '"node": "m.ts", "nodeVersion": "24"'])
    assert.equal(problemsOfApp(pairs), '');
  const rule = `"apps.a.nodeVersion" must be "22" or "24"; without it an app has the image's Node.js`;
  for (const [wrong, got] of [
    ['"20"', ', not "20"'],
    ['"22.1.0"', ', not "22.1.0"'],
    ['22', ''],
  ] as const)
    assert.ok(problemsOfApp(`"npm": "x", "nodeVersion": ${wrong}`).includes(rule + got), wrong);
  assert.match(
    problemsOfApp('"go": "./x", "nodeVersion": "22"'),
    /has "nodeVersion", which only apps with "node" or "npm" have/,
  );
  assert.match(
    problemsOfApp('"npm": "x", "node": "22"'),
    /"apps\.a" says by "nodeVersion", and not by "node", which Node\.js it runs on/,
  );
});

test('parseConfig: libraries and add-ons have names of packages', () => {
  const right = '"npm": "x", "libraries": ["libusb-1.0-0"], "addons": { "@x/y": "./a/${arch}" }';
  assert.equal(problemsOfApp(right), '');
  for (const wrong of [
    '"libraries": ["x; rm"]',
    '"libraries": ["../x"]',
    '"addons": { "../x": "a" }',
    '"addons": "a"',
  ])
    assert.match(
      problemsOfApp(`"npm": "x", ${wrong}`),
      /apps\.a\.(?:libraries|addons)|"\.\.\/x" is not the name/,
      wrong,
    );
  assert.match(
    problemsOfApp('"binary": "./x", "libraries": ["libx"]'),
    /has "libraries", which only apps with/,
  );
});

/** Of an app with this pair of key and value. */
function problemsWith(pair: string): string[] {
  return problemsOf(withApp(`{ "node": "m.ts", ${pair} }`));
}

test('parseConfig: what is wrong in a sandbox is told at its place', () => {
  for (const right of [
    '"on"',
    '"off"',
    '{}',
    '{ "devices": ["/dev/ttyUSB*", "/dev/snd/*", "i2c-1"], "paths": { "/perm/x": "rw" }, "capabilities": ["CAP_BPF"], "syscalls": ["io_uring"] }',
  ]) {
    assert.deepEqual(problemsWith(`"sandbox": ${right}`), [], right);
  }
  assert.deepEqual(problemsWith('"sandbox": "none"'), [
    '2:45 "apps.a.sandbox" must be "on", "off" or an object, not "none"',
  ]);
  assert.deepEqual(problemsWith('"user": "pi"'), [
    '2:42 "apps.a.user" must be "root"; without it each app has a user of its own, not "pi"',
  ]);
  assert.deepEqual(problemsWith('"sandbox": []'), ['2:45 "apps.a.sandbox" must be an object, not an array']);
  assert.deepEqual(problemsWith('"sandbox": { "device": [] }'), [
    '2:47 unknown key "device": did you mean "devices"?',
  ]);
  assert.deepEqual(problemsWith('"sandbox": { "devices": ["/etc/passwd"] }'), [
    '2:59 "apps.a.sandbox.devices[0]" must be a path below /dev, whose last part may have "*", or one of "gpio", "i2c-1", "spi0", ' +
      '"serial0", "pwm", "1-wire", "audio", "video"',
  ]);
  assert.match(
    problemsWith('"sandbox": { "devices": ["gpio", "i2c1"] }').join(),
    /^2:67 .*or one of "gpio", "i2c-1"/,
  );
  assert.deepEqual(problemsWith('"sandbox": { "paths": { "/perm/x": "write" } }'), [
    '2:69 "apps.a.sandbox.paths./perm/x" must be "ro" or "rw", not "write"',
  ]);
  assert.deepEqual(
    problemsWith(
      '"sandbox": { "paths": { "/perm/../etc": "ro", "/dev/kvm": "rw", "/run/tsk/devices/b": "rw" } }',
    ),
    [
      '2:58 "/perm/../etc" is not an absolute path',
      '2:80 "/dev/kvm" is not a path to add: devices have their own key',
      '2:98 "/run/tsk/devices/b" is not a path to add: devices have their own key',
    ],
  );
});

test('parseConfig: an app does not get a directory of the system as its own', () => {
  for (const dataDir of ['/perm/tskrazy', '/perm/log/boots', '/perm/net', '/perm/var']) {
    assert.deepEqual(problemsWith(`"dataDir": "${dataDir}"`), [
      '2:45 "apps.a.dataDir" is a directory that tskrazy itself uses',
    ]);
  }
  for (const dataDir of ['/perm/var/lib/x', '/perm/network', '/perm/home/a']) {
    assert.deepEqual(problemsWith(`"dataDir": "${dataDir}"`), []);
  }
});

test('parseConfig: limits have units and bounds', () => {
  assert.deepEqual(problemsWith('"memory": "64MiB", "maxProcesses": 64, "cpuWeight": 10000'), []);
  assert.deepEqual(problemsWith('"memory": "64MB"'), [
    '2:44 "apps.a.memory" must be a number with its unit, like "64MiB" or "1.5GiB"',
  ]);
  assert.deepEqual(problemsWith('"memory": "1MiB"'), ['2:44 "apps.a.memory" must be at least 4MiB']);
  assert.deepEqual(problemsWith('"maxProcesses": 4'), ['2:50 "apps.a.maxProcesses" must be at least 32']);
  assert.deepEqual(problemsWith('"cpuWeight": 0'), ['2:47 "apps.a.cpuWeight" must be from 1 to 10000']);
});

test('parseConfig: the health of an app is asked for on the device itself, at a port of the app', () => {
  for (const url of [
    'http://localhost:8080/healthz',
    'http://127.0.0.1:1',
    'http://[::1]:65535/?deep=1',
    'http://localhost:80?x',
  ]) {
    assert.deepEqual(problemsWith(`"health": "${url}"`), [], url);
  }
  for (const url of [
    '/healthz',
    'http://localhost/healthz',
    'http://localhost:0/',
    'http://localhost:65536/',
    'https://localhost:8080/',
    'http://example.org:8080/',
    'http://localhost.example.org:8080/',
    'http://localhost:8080@example.org/',
    'http://user@localhost:8080/',
    'http://localhost:8080/a b',
    'http://localhost:8080/#x',
    'http://localhost:8080/\\n',
  ]) {
    assert.deepEqual(
      problemsWith(`"health": "${url}"`),
      ['2:44 "apps.a.health" must be an address on the device itself, like "http://localhost:8080/healthz"'],
      url,
    );
  }
});

test('parseConfig: a line that config.txt cannot have is refused where it stands', () => {
  assert.deepEqual(problemsOf(withKeys('"bootloaderLines": ["dtparam=spi=on", "os_prefix=b/"]')), [
    '2:39 "bootloaderLines[1]" has "os_prefix", which cannot be set: tskrazy sets it, to start one slot or the other',
  ]);
  const full = ['#'.repeat(97), '#'.repeat(97), '#'.repeat(97), '#'.repeat(97), '#'.repeat(38)];
  assert.deepEqual(problemsOf(withKeys(`"bootloaderLines": ${JSON.stringify(full)}`)), []);
  const tooMuch = full.with(4, '#'.repeat(39));
  assert.deepEqual(problemsOf(withKeys(`"bootloaderLines": ${JSON.stringify(tooMuch)}`)), [
    '2:1 "bootloaderLines" have 432 characters with their ends; config.txt is one sector and has room for 431',
  ]);
  assert.deepEqual(problemsOf(withKeys('"bootloaderLines": "dtparam=spi=on"')), [
    '2:20 "bootloaderLines" must be an array of strings, one a line, not a string',
  ]);
});

test("parseConfig: words of the kernel command line that are not the user's to set", () => {
  assert.deepEqual(problemsOf(withKeys('"kernel": { "extraArgs": ["quiet", "root=/dev/sda2"] }')), [
    '2:36 "kernel.extraArgs[1]" depends on the slot: tskrazy sets it by itself',
  ]);
});

test('parseConfig: an unknown board names the nearest', () => {
  assert.deepEqual(problemsOf('{ "hostname": "a", "board": "pc-amd46" }'), [
    '1:29 "board" must be one of "pc-amd64", "pc-arm64", "raspberry-pi", not "pc-amd46": did you mean "pc-amd64"?',
  ]);
});

test('parseConfig: missing keys; a misspelt one is not missing as well', () => {
  assert.deepEqual(problemsOf('{}'), ['1:1 "hostname" is missing', '1:1 "board" is missing']);
  assert.deepEqual(problemsOf('{ "hostnam": "a", "board": "pc-amd64" }'), [
    '1:3 unknown key "hostnam": did you mean "hostname"?',
  ]);
  assert.deepEqual(problemsOf(withApp('{ "nod": "m.ts" }')), [
    '2:18 unknown key "nod": did you mean "node"?',
  ]);
});

test('parseConfig: an app has exactly one source', () => {
  assert.deepEqual(problemsOf(withApp('{}')), [
    '2:11 "apps.a" has no source: give it "node", "go", "npm" or "binary"',
  ]);
  assert.deepEqual(problemsOf(withApp('{ "node": "m.ts", "go": "./a" }')), [
    '2:11 "apps.a" has 2 sources (node, go): leave one of them',
  ]);
  assert.deepEqual(problemsOf(withApp('{ "node": "" }')), ['2:26 "apps.a.node" must not be empty']);
});

test('parseConfig: two apps with one name', () => {
  assert.deepEqual(problemsOf(withKeys('"apps": {\n"a": { "node": "m.ts" },\n"a": { "go": "./a" } }')), [
    '4:1 two apps are named "a"',
  ]);
  assert.deepEqual(problemsOf('{ "hostname": "a", "board": "pc-amd64", "board": "pc-amd64" }'), [
    '1:41 "board" is there twice in one object',
  ]);
});

test('parseConfig: of two values with one key the last is checked and shown', () => {
  assert.deepEqual(problemsOf('{ "hostname": "a",\n"hostname": 5, "board": "pc-amd64" }'), [
    '2:1 "hostname" is there twice in one object',
    '2:13 "hostname" must be a string, not a number',
  ]);
});

test('parseConfig: names that JavaScript objects have already are refused, not lost', () => {
  for (const name of ['__proto__', 'constructor', 'prototype']) {
    assert.deepEqual(problemsOf(withKeys(`"apps": { "${name}": { "node": "m.ts" } }`)), [
      `2:11 "${name}" cannot be used as a name`,
    ]);
    assert.match(problemsOf(withKeys(`"${name}": 1`)).join('\n'), /^2:1 unknown key/);
  }
});

test('parseConfig: names that tskrazy itself uses', () => {
  assert.deepEqual(problemsOf(withKeys('"apps": { "init": { "node": "m.ts" } }')), [
    '2:11 "init" is a name that tskrazy itself uses: give the app another one',
  ]);
});

test('parseConfig: wrong types', () => {
  assert.deepEqual(problemsOf('[]'), ['1:1 the file must be an object, not an array']);
  assert.deepEqual(problemsOf('5'), ['1:1 the file must be an object, not a number']);
  assert.deepEqual(problemsOf(withKeys('"apps": []')), ['2:9 "apps" must be an object, not an array']);
  assert.deepEqual(problemsOf(withApp('"m.ts"')), ['2:16 "apps.a" must be an object, not a string']);
  assert.deepEqual(problemsOf(withApp('null')), ['2:16 "apps.a" must be an object, not null']);
  assert.deepEqual(problemsOf(withApp('[]')), ['2:16 "apps.a" must be an object, not an array']);
  assert.deepEqual(problemsOf(withApp('{ "node": "m.ts", "args": "x" }')), [
    '2:42 "apps.a.args" must be an array of strings, not a string',
  ]);
  assert.deepEqual(problemsOf(withApp('{ "node": "m.ts", "args": ["x", 1] }')), [
    '2:48 "apps.a.args[1]" must be a string, not a number',
  ]);
  assert.deepEqual(problemsOf(withApp('{ "node": "m.ts", "env": { "A": 1, "b c": "" } }')), [
    '2:48 "apps.a.env.A" must be a string, not a number',
    '2:51 "b c" is not a name for an environment variable',
  ]);
  assert.deepEqual(problemsOf(withApp('{ "node": "m.ts", "autostart": "yes", "stopTimeoutSec": 0 }')), [
    '2:47 "apps.a.autostart" must be true or false, not a string',
    '2:72 "apps.a.stopTimeoutSec" must be at least 1 second',
  ]);
  assert.deepEqual(problemsOf(withApp('{ "node": "m.ts", "restart": "alway" }')), [
    '2:45 "apps.a.restart" must be "always", "on-failure" or "never", not "alway": did you mean "always"?',
  ]);
});

test('parseConfig: a hostname is refused by its rule', () => {
  assert.deepEqual(problemsOf('{ "hostname": "my_host", "board": "pc-amd64" }'), [
    '1:15 "hostname" has the character "_": a hostname has letters from a to z, digits, hyphens, and dots between its parts (RFC 1123)',
  ]);
});

test('parseConfig: include targets stay in the app or in the directories that are free', () => {
  for (const to of ['x', './x', 'a/b', 'a..b', '.', 'a/', '/etc/x.conf', '/usr/share/x/y']) {
    assert.deepEqual(targetProblem(to), [], to);
  }
  const absolute = ['/bin/x', '/', '/etc', '/etc/', '/etcetera/x', '/perm/x', '/etc//x'];
  for (const to of [
    '..',
    '../x',
    'a/../../x',
    '/etc/../bin/x',
    'a/..',
    '',
    'a\n/../x',
    'a\\b',
    ...absolute,
  ]) {
    assert.match(
      targetProblem(to).join(),
      /^2:\d+ "apps\.a\.include\[0\]\.to" must be a path in the app's directory/,
      to,
    );
  }
});

test('parseConfig: include entries that are not objects, or lack a key', () => {
  assert.deepEqual(problemsOf(withApp('{ "node": "m.ts", "include": ["x"] }')), [
    '2:46 "apps.a.include[0]" must be an object with "from" and "to", not a string',
  ]);
  assert.deepEqual(problemsOf(withApp('{ "node": "m.ts", "include": [{ "from": "x" }] }')), [
    '2:46 "apps.a.include[0].to" is missing',
  ]);
});

test('parseConfig: serial console, data directory, kernel arguments', () => {
  for (const value of ['off', 'ttyS0', 'ttyS0,115200', 'ttyAMA0,115200n8']) {
    assert.deepEqual(problemsOf(withKeys(`"serialConsole": "${value}"`)), []);
  }
  assert.deepEqual(problemsOf(withKeys('"serialConsole": "on"')), [
    '2:18 "serialConsole" must be "off" or a port and its speed like "ttyS0,115200"',
  ]);
  assert.deepEqual(problemsOf(withApp('{ "node": "m.ts", "dataDir": "/perm/../etc" }')), [
    '2:45 "apps.a.dataDir" must be a path below /perm',
  ]);
  assert.deepEqual(
    problemsOf(withKeys('"kernel": { "extraArgs": ["quiet", "dyndbg=\\"file x +p\\""] }')),
    [],
  );
  assert.deepEqual(problemsOf(withKeys('"kernel": { "extraArgs": ["a b", "x\\ny"] }')), [
    '2:27 "kernel.extraArgs[0]" must be one kernel argument, with double quotes around blanks',
    '2:34 "kernel.extraArgs[1]" must be one kernel argument, with double quotes around blanks',
  ]);
});

test('parseConfig: a replaced component has one source', () => {
  assert.deepEqual(problemsOf(withKeys('"components": { "kernel": { "directory": "./k" } }')), []);
  assert.deepEqual(problemsOf(withKeys('"components": { "kernel": {}, "libc": { "goModule": "x" } }')), [
    '2:17 "components.kernel" has no source: give it "directory" or "goModule"',
    '2:41 unknown key "goModule"; known here: directory',
  ]);
});

function waiting(a: string, b: string): string {
  return withKeys(`"apps": { "a": { "node": "m", "waitFor": ${a} }, "b": { "node": "m", "waitFor": ${b} } }`);
}

test('parseConfig: waitFor takes conditions, and no circle of apps', () => {
  assert.deepEqual(parseConfig(waiting('["clock", "app:b"]', '["network"]'), 'tskrazy.json').apps?.['a'], {
    node: 'm',
    waitFor: ['clock', 'app:b'],
  });
  assert.deepEqual(problemsOf(waiting('["clock"]', '["clok"]')), [
    '2:87 "apps.b.waitFor[0]" must be "clock", "network" or "app:NAME"',
  ]);
  assert.deepEqual(problemsOf(waiting('["app:c"]', '["app:b"]')), [
    '2:43 "apps.a.waitFor[0]" waits for app "c", which is not there',
    '2:87 "apps.b.waitFor[0]" waits for the app itself',
  ]);
  assert.deepEqual(problemsOf(waiting('["app:b"]', '["network", "app:a"]')), [
    '2:43 "apps.a.waitFor[0]" waits for app "b", which waits for this one',
    '2:98 "apps.b.waitFor[1]" waits for app "a", which waits for this one',
  ]);
});

const radio = (wifi: string): string => `{
  "hostname": "garden", "board": "raspberry-pi", "network": { "wifi": ${wifi} } }`;

test('parseConfig says what is wrong with Wi-Fi', () => {
  const country = 'must be two capital letters, as in "DE" or "US" (ISO 3166)';
  const long = 'x'.repeat(33);
  const cases: [wifi: string, problem: string][] = [
    ['{}', '"network.wifi.country" is missing'],
    ['{ "country": "Germany" }', `"network.wifi.country" ${country}`],
    ['{ "country": "de" }', `"network.wifi.country" ${country}`],
    ['[]', '"network.wifi" must be an object, not an array'],
    ['{ "country": "DE", "network": [] }', 'unknown key "network": did you mean "networks"?'],
    [
      `{ "country": "DE", "networks": [{ "ssid": "${long}" }] }`,
      '"network.wifi.networks[0].ssid" has 33 bytes, and 32 are allowed',
    ],
    ['{ "country": "DE", "networks": [{ "ssid": "" }] }', '"network.wifi.networks[0].ssid" is empty'],
    [
      '{ "country": "DE", "networks": [{ "ssid": "\\ud800" }] }',
      '"network.wifi.networks[0].ssid" is no text that has a form in UTF-8',
    ],
    [
      '{ "country": "DE", "networks": [{ "ssid": "a" }, { "ssid": "a" }] }',
      '"network.wifi.networks" has two networks of the name "a"',
    ],
    [
      '{ "country": "DE", "networks": [{ "ssid": "a", "passphrase": "x" }] }',
      'unknown key "passphrase"; known here: ssid, hidden',
    ],
  ];
  for (const [wifi, problem] of cases) {
    const said = problemsOf(radio(wifi)).map((text) => text.replace(/^2:\d+ /, ''));
    assert.deepEqual(said, [problem], wifi);
  }
});

const networked = (settings: string): string => `{
  "hostname": "garden", "board": "pc-amd64", "network": { "eth0": ${settings} } }`;

test('parseConfig takes the keys of each kind of interface, and refuses those of another kind', () => {
  const fixed = '{ "address": "192.168.1.5/24", "gateway": "192.168.1.1", "ipv4": "static" }';
  assert.deepEqual(parseConfig(networked(fixed), 'tskrazy.json').network?.['eth0'], {
    ipv4: 'static',
    address: '192.168.1.5/24',
    gateway: '192.168.1.1',
  });
  assert.deepEqual(problemsOf(networked('{ "ipv4": "dhcp", "gateway": "192.168.1.1" }')), [
    '2:85 unknown key "gateway"; known here: ipv4, dns, metric',
  ]);
});

function withApps(apps: object, more = ''): string {
  return withKeys(`${more}"apps": ${JSON.stringify(apps)}`);
}

test('parseConfig: ports are protocols and numbers, and belong to one app', () => {
  const good = withApps({
    a: { node: 'm', ports: ['any', 'tcp/444', 'tcp/8000-8010', 'udp/5353'], network: 'lan' },
    b: { node: 'm', ports: ['udp/443', 'udp/5353'] },
    c: { node: 'm', ports: [], network: 'full' },
  });
  assert.equal(messageOf(good), 'valid');
  const form = 'must be "any", or a protocol and a port such as "tcp/8080", "udp/5353" or "tcp/8000-8010"';
  for (const [ports, problem] of [
    ['any', '2:34 "apps.a.ports" must be an array such as ["tcp/8080"], not a string'],
    [[8080], '2:35 "apps.a.ports[0]" must be a string, not a number'],
    [['sctp/80'], `2:35 "apps.a.ports[0]" ${form}`],
    [['any', '8080'], `2:41 "apps.a.ports[1]" ${form}`],
    [['tcp/0'], '2:35 "apps.a.ports[0]" must have ports from 1 to 65535'],
    [['udp/1-65536'], '2:35 "apps.a.ports[0]" must have ports from 1 to 65535'],
    [['tcp/90-80'], '2:35 "apps.a.ports[0]" must have the lower port first: "tcp/80-90"'],
    [['tcp/80'], `2:35 "apps.a.ports[0]" is taken by the device's page`],
    [['tcp/1-1024'], `2:35 "apps.a.ports[0]" is taken by the device's page`],
    [['udp/68'], `2:35 "apps.a.ports[0]" is taken by the device's DHCP client`],
  ] as const) {
    assert.deepEqual(problemsOf(withApps({ a: { node: 'm', ports } })), [problem]);
  }
  const moved = withApps({ a: { node: 'm', ports: ['tcp/80', 'tcp/8080'] } }, '"web": { "port": 8080 },\n');
  assert.deepEqual(problemsOf(moved), [`3:44 "apps.a.ports[1]" is taken by the device's page`]);
  const both = withApps({
    a: { node: 'm', ports: ['tcp/9000'] },
    b: { node: 'm', ports: ['tcp/8999-9001'] },
  });
  assert.deepEqual(problemsOf(both), [
    '2:35 "apps.a.ports[0]" is taken by app "b"',
    '2:73 "apps.b.ports[0]" is taken by app "a"',
  ]);
});

test('parseConfig: an app that nobody reaches has neither ports nor health', () => {
  const health = 'http://localhost:8080/';
  for (const network of ['outbound', 'none']) {
    const problems = problemsOf(withApps({ a: { node: 'm', network, ports: ['tcp/8080'], health } }));
    const why = `cannot be had here: "network": "${network}" lets nobody reach the app`;
    assert.deepEqual(
      problems.map((text) => text.replace(/^\S+ /, '')),
      [`"apps.a.ports" ${why}`, `"apps.a.health" ${why}`],
    );
  }
  assert.deepEqual(problemsOf(withApps({ a: { node: 'm', network: 'wan' } })), [
    '2:36 "apps.a.network" must be "full", "lan", "outbound" or "none", not "wan": did you mean "lan"?',
  ]);
});
