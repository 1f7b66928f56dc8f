import assert from 'node:assert/strict';
import { test } from 'node:test';
import { goEnvironment, npmEnvironment, withoutRepository } from './tool-environment.ts';

const PLAIN = { PATH: '/bin', HOME: '/home/x', https_proxy: 'http://p:1' };

test('npmEnvironment keeps where packages come from, and no option of an outer npm run', () => {
  const kept = {
    ...PLAIN,
    npm_config_registry: 'https://r/',
    'npm_config_@mine:registry': 'https://mine/',
    'npm_config_//mine/:_authToken': 'secret',
    NPM_CONFIG_CAFILE: '/ca.pem',
    npm_config_strict_ssl: 'false',
    npm_config_https_proxy: 'http://p:1',
    npm_config_userconfig: '/home/x/.npmrc',
    npm_config_cache: '/cache',
    npm_config_fetch_retries: '0',
    NODE_EXTRA_CA_CERTS: '/ca.pem',
  };
  const dropped = {
    npm_config_loglevel: 'silent',
    npm_config_dry_run: 'true',
    npm_config_json: 'true',
    npm_config_global: 'true',
    npm_config_offline: 'true',
    NPM_CONFIG_WORKSPACE: 'x',
    npm_config_omit: 'optional',
    npm_config_ignore_scripts: '',
    npm_config_local_prefix: '/elsewhere',
    npm_package_name: 'outer',
    npm_lifecycle_event: 'tsk',
    npm_command: 'run-script',
    INIT_CWD: '/elsewhere',
  };
  assert.deepEqual(npmEnvironment({ ...kept, ...dropped }), { ...kept, NODE_OPTIONS: undefined });
});

test('npmEnvironment: npm does not wait for the debugger of tsk', () => {
  const options = '--inspect-brk=0 --require "/a b/ca.js" --cpu-prof --use-openssl-ca';
  const { NODE_OPTIONS } = npmEnvironment({ NODE_OPTIONS: options });
  assert.equal(NODE_OPTIONS, '--require "/a b/ca.js" --use-openssl-ca');
  assert.equal(npmEnvironment({ NODE_OPTIONS: '--inspect' })['NODE_OPTIONS'], undefined);
});

test('goEnvironment: one program whoever builds it', () => {
  const given = { ...PLAIN, GOPROXY: 'http://p', GOAMD64: 'v3', GOEXPERIMENT: 'x', GO111MODULE: 'off' };
  const { environment, ignoredFlags } = goEnvironment({
    ...given,
    GOFLAGS: ' -modcacherw -tags=x -p=1 -race',
  });
  assert.deepEqual(ignoredFlags, ['-tags=x', '-race']);
  assert.deepEqual(environment, {
    ...PLAIN,
    GOPROXY: 'http://p',
    GO111MODULE: 'on',
    GOAMD64: 'v1',
    GOARM64: 'v8.0',
    GOFIPS140: 'off',
    GOFLAGS: '-trimpath -modcacherw -p=1',
  });
  assert.deepEqual(goEnvironment(PLAIN).ignoredFlags, []);
});

test('withoutRepository: a hook of git names no repository to the tools, but keeps how git reaches others', () => {
  const kept = { ...PLAIN, GIT_SSH_COMMAND: 'ssh -i key', GIT_CONFIG_COUNT: '0' };
  assert.deepEqual(withoutRepository({ ...kept, GIT_DIR: '.git', GIT_INDEX_FILE: 'x' }), kept);
});
