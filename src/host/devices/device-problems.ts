// Says precisely why a device cannot be talked to, and what to do about it.

import type { WebStatus } from '../../shared/api/web-api.ts';
import { UserError } from '../user-error.ts';
import { type DeviceAddress, formatDeviceAddress } from './device-address.ts';
import { NonsenseError, UnprovenError } from './device-connection.ts';
import type { FoundDevice } from './find-device.ts';
import { NoAnswerError } from './no-answer-error.ts';
import { TooOldError } from './refusal-error.ts';

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'the connection was refused',
  ECONNRESET: 'the connection was closed without an answer',
  EPIPE: 'the connection was closed without an answer',
  HPE_INVALID_EOF_STATE: 'the connection was closed without an answer',
  ETIMEDOUT: 'there is no answer',
  EHOSTUNREACH: 'there is no way to it from this computer',
  ENETUNREACH: 'there is no way to it from this computer',
  EHOSTDOWN: 'nobody has that address',
};

export function noAnswer(device: FoundDevice, address: DeviceAddress, cause: unknown): NoAnswerError {
  const code = (cause as NodeJS.ErrnoException).code ?? '';
  const reason = REASONS[code] ?? (cause instanceof Error ? cause.message : String(cause));
  return new NoAnswerError(`Cannot reach ${nameAndAddress(device, address)}: ${reason}`, {
    topic: 'no-answer',
    cause,
    hint: hintWithoutAnswer(device, address, code),
  });
}

/** Why a request came to nothing, from the error of its connection. */
export function connectionProblem(device: FoundDevice, address: DeviceAddress, error: unknown): UserError {
  if (error instanceof UnprovenError) return unproven(device, address, error);
  if (error instanceof NonsenseError) return notADevice(device, address);
  const { code = '' } = error as NodeJS.ErrnoException;
  // What speaks, but not HTTP (SSH, say), is there: asking it again is of no use. An answer that breaks off in its first
  // lines is half of one, though.
  const isNonsense = code.startsWith('HPE_') && code !== 'HPE_INVALID_EOF_STATE';
  return isNonsense ? notADevice(device, address) : noAnswer(device, address, error);
}

function unproven(device: FoundDevice, address: DeviceAddress, cause: UnprovenError): UserError {
  if (cause.what === 'no TLS') {
    return new UserError(
      `Cannot talk to ${nameAndAddress(device, address)}: what answers there speaks no TLS 1.3`,
      { topic: 'not-proven', cause, hint: NOTHING_SENT },
    );
  }
  const problem =
    device.expected.authorities.length === 0
      ? 'the identity of the device is not in this instance, so that it cannot be known'
      : `it has the certificate of somebody else (${cause.message})`;
  return new UserError(`Cannot talk to ${nameAndAddress(device, address)}: ${problem}`, {
    topic: 'not-proven',
    cause,
    hint: `${NOTHING_SENT} If it is your device, its identity is on the computer that built it: "tsk key export FILE" there,
and "tsk key import FILE" here.`,
  });
}

/** Beside each refusal of TLS. */
const NOTHING_SENT = 'No password was sent.';

/** `plain` is where it answers in clear. */
export function noTls(device: FoundDevice, plain: DeviceAddress): UserError {
  return new UserError(
    `Cannot talk to ${nameAndAddress(device, plain)}: it speaks plain HTTP only, by which nobody can prove to be your device`,
    {
      topic: 'not-proven',
      hint:
        'It was built by tskrazy 0.1 or with "web.tls": "off". If you know that nobody else can answer there, add\n' +
        '--insecure-http: this time only, the password is sent in clear. After an update it is not needed any more.',
    },
  );
}

function nameAndAddress(device: FoundDevice, address: DeviceAddress): string {
  const at = formatDeviceAddress(address);
  return device.name === address.host ? `"${at}"` : `"${device.name}" at ${at}`;
}

function hintWithoutAnswer({ foundBy }: FoundDevice, { port }: DeviceAddress, code: string): string {
  if (foundBy === 'virtual machine') {
    return 'The virtual machine runs, so the device in it is starting or going down. "tsk vm list" names its process.';
  }
  if (code === 'ECONNREFUSED') {
    return (
      `Something has this address, but serves nothing on port ${port}. Is it the right device? "web.port" in\n` +
      'tskrazy.json says where it listens, --host ADDRESS:PORT where to ask.'
    );
  }
  if (code === 'ECONNRESET' || code === 'EPIPE')
    return 'It may be starting or going down. Try again in a moment.';
  return 'Is it switched on, and in the same network as this computer?';
}

/** `hostname` is what the device calls itself; those of 0.1 do not say. */
export function wrongPassword(
  device: FoundDevice,
  address: DeviceAddress,
  passwordFile: string,
  hostname: string | undefined,
): UserError {
  if (hostname !== undefined && hostname !== device.expected.hostname) {
    return anotherDevice(device, address, `it calls itself "${hostname}"`);
  }
  return new UserError(
    `Cannot log in to ${nameAndAddress(device, address)}: the password in "${passwordFile}" is wrong`,
    {
      topic: 'wrong-password',
      hint:
        'The device was built from another copy of this instance, or the file was changed since. "tsk key export FILE"\n' +
        'on the computer that built it and "tsk key import FILE" here bring them together; or write the device anew from here ("tsk flash").',
    },
  );
}

function anotherDevice(device: FoundDevice, address: DeviceAddress, what: string): UserError {
  const { hostname } = device.expected;
  return new UserError(
    `Cannot talk to "${hostname}": another device answers at ${formatDeviceAddress(address)}: ${what}`,
    {
      topic: 'another-device',
      hint:
        device.foundBy === 'host'
          ? 'Give the address of the right one with --host, or its instance with "tsk -i DIR".'
          : 'Give the address of the right one with --host.',
    },
  );
}

export function notADevice(device: FoundDevice, address: DeviceAddress): UserError {
  return new UserError(
    `Cannot talk to "${device.name}": what answers at ${formatDeviceAddress(address)} is not a device of tskrazy`,
    {
      topic: 'another-device',
      hint: 'Look at it in a browser. Give the right address with --host ADDRESS:PORT.',
    },
  );
}

export function tooOld(device: FoundDevice, what: string, version: string | undefined): TooOldError {
  const runs = version === undefined ? 'an older tskrazy' : `tskrazy ${version}`;
  return new TooOldError(`Cannot ${what} of "${device.name}": it runs ${runs}, which does not know how`, {
    topic: 'too-old',
    hint: 'Write the device anew ("tsk flash"), or use the tsk that built it.',
  });
}

/** RFC 1123, section 2.1: what no device of ours is called does not match. */
const HOSTNAME = /^[A-Za-z0-9][A-Za-z0-9.-]{0,63}$/;

/**
 * Throws when the device is certainly another one; returns a warning when somebody named it with --host, for
 * the instance may have been renamed since the device was built.
 */
export function checkIdentity(
  device: FoundDevice,
  address: DeviceAddress,
  status: WebStatus,
): string | undefined {
  const { hostname, board } = status.system;
  const { expected } = device;
  const what =
    hostname !== expected.hostname
      ? `it calls itself "${hostname}"`
      : board !== expected.board
        ? `it is a ${board}, the instance is for ${expected.board}`
        : undefined;
  if (what === undefined) return undefined;
  // A name goes on to other programs (ssh), and into files: one that no instance can have is no other name of this one.
  if (device.foundBy !== 'host' || !HOSTNAME.test(hostname)) throw anotherDevice(device, address, what);
  return `The device at ${formatDeviceAddress(address)} is not quite that of this instance, "${expected.hostname}": ${what}`;
}
