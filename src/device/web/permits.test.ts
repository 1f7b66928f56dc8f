import assert from 'node:assert/strict';
import { generateKeyPairSync, sign } from 'node:crypto';
import { test } from 'node:test';
import { keyIdOf, type TrustedKey } from '../../shared/manifest/manifest-signature.ts';
import type { PermitChallenge } from '../../shared/permit/permit-api.ts';
import { type Permit, permitText } from '../../shared/permit/permit.ts';
import { HttpError } from './http-error.ts';
import { Permits, type PermitsOptions } from './permits.ts';

function drawKey(): { key: TrustedKey; signText: (text: Uint8Array) => string } {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const bytes = Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url');
  return {
    key: { id: keyIdOf(bytes), publicKey: bytes.toString('base64') },
    signText: (text) => sign(null, text, privateKey).toString('base64'),
  };
}

const OWNER = drawKey();
const REQUEST = '{"app":"sensor","client":"me@laptop"}';
const BOOT_ID = '1b4e28ba-2fa1-11d2-883f-0016d3cca427';

function permitsOf(options: Partial<PermitsOptions> = {}): Permits {
  return new Permits({
    config: { hostname: 'garden', update: { trustedKeys: [OWNER.key] } },
    bootId: BOOT_ID,
    isClockSet: () => true,
    ...options,
  });
}

function signed(drawn: PermitChallenge, signer = OWNER, change: Partial<Permit> = {}): Buffer {
  const { challenge, hostname, bootId } = drawn;
  const terms = { purpose: 'inspect' as const, challenge, hostname, bootId, request: REQUEST };
  const signature = signer.signText(permitText(terms));
  const permit = { ...terms, signatures: [{ keyId: signer.key.id, signature }], ...change };
  return Buffer.from(JSON.stringify(permit));
}

function refused(code: string, message: RegExp): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof HttpError, String(error));
    assert.deepEqual([error.code, message.test(error.message)], [code, true], error.message);
    return true;
  };
}

test('a permit of an owner is good, once', () => {
  const permits = permitsOf();
  const body = signed(permits.draw());
  assert.deepEqual(permits.check(body, 'inspect'), { request: REQUEST, keyId: OWNER.key.id });
  assert.throws(() => permits.check(body, 'inspect'), refused('challenge-over', /was used/));
});

test('a challenge is good for a minute', () => {
  let now = 1000;
  const permits = permitsOf({ now: () => now });
  const [early, late] = [permits.draw(), permits.draw()];
  now += 60_000;
  assert.equal(permits.check(signed(early), 'inspect').keyId, OWNER.key.id);
  now += 1;
  assert.throws(() => permits.check(signed(late), 'inspect'), refused('challenge-over', /is over/));
});

test('what others sign, or for others, or what was changed since, is not', () => {
  const permits = permitsOf();
  const challenge = 'ab'.repeat(32);
  const cases: [Buffer, string, RegExp][] = [
    [signed(permits.draw(), drawKey()), 'permit-refused', /signed with key [0-9a-f]{16}, and trusted are/],
    [signed({ ...permits.draw(), hostname: 'kitchen' }), 'permit-refused', /is not that of this request/],
    [signed({ ...permits.draw(), bootId: 'another' }), 'permit-refused', /is not that of this request/],
    [
      signed(permits.draw(), OWNER, { request: REQUEST.replace('sensor', 'pump') }),
      'permit-refused',
      /not that of this/,
    ],
    [signed(permits.draw(), OWNER, { signatures: [] }), 'permit-refused', /is not signed/],
    [signed({ ...permits.draw(), challenge }), 'challenge-over', /never given/],
    [Buffer.from('{}'), 'malformed', /purpose is not inspect/],
    [Buffer.from('[['), 'malformed', /it is not JSON/],
  ];
  for (const [body, code, message] of cases)
    assert.throws(() => permits.check(body, 'inspect'), refused(code, message));
});

test('a permit for something else is not good, also where it says that it is for this', () => {
  const permits = permitsOf();
  const first = signed(permits.draw());
  assert.throws(() => permits.check(first, 'breakglass'), refused('permit-refused', /is for "inspect"/));
  assert.throws(() => permits.check(first, 'inspect'), refused('challenge-over', /was used/));
  const claims = signed(permits.draw(), OWNER, { purpose: 'breakglass' });
  assert.throws(
    () => permits.check(claims, 'breakglass'),
    refused('permit-refused', /is not that of this request/),
  );
});

test('a wrong signature uses the challenge up', () => {
  const permits = permitsOf();
  const drawn = permits.draw();
  assert.throws(() => permits.check(signed(drawn, drawKey()), 'inspect'));
  assert.throws(() => permits.check(signed(drawn), 'inspect'), refused('challenge-over', /was used/));
});

test('a key that expires counts until then, and not at all while nobody has set the clock', () => {
  const nowSec = Math.floor(Date.now() / 1000);
  const of = (notAfterSec: number, isClockSet: boolean): Permits =>
    permitsOf({
      config: { hostname: 'garden', update: { trustedKeys: [{ ...OWNER.key, notAfterSec }] } },
      isClockSet: () => isClockSet,
    });
  const current = of(nowSec + 3600, true);
  assert.equal(current.check(signed(current.draw()), 'inspect').keyId, OWNER.key.id);
  const expired = of(nowSec - 3600, true);
  assert.throws(
    () => expired.check(signed(expired.draw()), 'inspect'),
    refused('permit-refused', /has expired$/),
  );
  const unset = of(nowSec + 3600, false);
  assert.throws(
    () => unset.check(signed(unset.draw()), 'inspect'),
    refused('permit-refused', /clock of this device is not set/),
  );
});

test('a device without trusted keys, or built to take none, gives no challenge', () => {
  const [none, off] = [
    permitsOf({ config: { hostname: 'garden' } }),
    permitsOf({ config: { hostname: 'garden', update: { trustedKeys: [OWNER.key] }, breakglass: 'off' } }),
  ];
  const taker = permitsOf();
  const body = signed(taker.draw());
  for (const each of [none, off])
    assert.throws(() => each.check(body, 'inspect'), refused('no-permits', /may look into it$/));
  assert.throws(() => none.draw(), refused('no-permits', /trusts no key/));
  assert.throws(() => off.draw(), refused('no-permits', /"breakglass": "off"/));
});

test('who asks without end makes only the earlier challenges void', () => {
  const permits = permitsOf();
  const first = permits.draw();
  const later = Array.from({ length: 16 }, () => permits.draw());
  assert.throws(() => permits.check(signed(first), 'inspect'), refused('challenge-over', /was used/));
  for (const drawn of later) permits.check(signed(drawn), 'inspect');
});
