// Why a device does not do what it was asked for: the closed list of codes that programs decide by, in init's API and in
// that of the web server. The sentence beside a code is for people, and its words may change. A code has one HTTP status,
// and a client that does not know the code goes by that. docs/web.md and docs/update-protocol.md have the list, too.

interface RefusalRow {
  status: number;
  means: string;
}

/** What may happen to any request. */
export const REQUEST_REFUSALS = {
  malformed: { status: 400, means: 'The request is not what this address takes' },
  'not-logged-in': { status: 401, means: 'Neither a password nor a session came with the request' },
  'login-ended': { status: 401, means: 'The session whose token came has ended' },
  'wrong-password': { status: 401, means: 'The password is wrong' },
  'needs-tls': { status: 403, means: 'The request came in clear; `port` is where TLS is spoken' },
  'foreign-page': { status: 403, means: 'Another site made the browser ask, or it does not say which did' },
  'no-password': { status: 403, means: 'The device has no password, so that nobody may change anything' },
  'password-needed': { status: 403, means: 'A session does not suffice: this takes the password itself' },
  'no-such-address': {
    status: 404,
    means: 'The address is unknown: the device may be older than its client',
  },
  'no-such-service': { status: 404, means: 'There is no service of this name' },
  'no-such-log': { status: 404, means: 'There is no log of this name, or not of that start of the device' },
  'wrong-method': { status: 405, means: 'The address exists, with the methods that `Allow` names' },
  'not-acceptable': { status: 406, means: 'There is nothing here of the kind that `Accept` asks for' },
  'too-slow': { status: 408, means: 'The body came too slowly' },
  'wrong-state': { status: 409, means: 'The service is in a state that does not allow it' },
  'shutting-down': { status: 409, means: 'The device is going down' },
  'too-large': { status: 413, means: 'The body is larger than this address takes' },
  'wrong-type': { status: 415, means: 'The body has another type or encoding than this address takes' },
  'wrong-host': {
    status: 421,
    means: "The name or address in `Host` is none of this device's: see `web.hosts`",
  },
  'too-many-passwords': {
    status: 429,
    means: 'Too many wrong passwords came; `Retry-After` says when to go on',
  },
  failed: { status: 500, means: 'The device failed at it; its log says more' },
  'init-failed': { status: 502, means: 'init failed at it' },
  'init-away': { status: 502, means: 'init does not answer: the device may be starting or going down' },
  busy: {
    status: 503,
    means: 'As many ask for this as the device can serve; `Retry-After` says when to go on',
  },
  'init-slow': { status: 504, means: 'init did not answer in time' },
} as const satisfies Record<string, RefusalRow>;

/** What may happen to updates besides. */
export const UPDATE_REFUSALS = {
  'update-ended': { status: 404, means: 'The session is over, or there was none of that id' },
  'update-busy': { status: 409, means: 'Somebody else has a session; `session` says who' },
  'wrong-step': {
    status: 409,
    means: 'Chunks are missing, or the image is not installed yet, or it is already',
  },
  'nothing-to-do': { status: 409, means: 'This build runs already' },
  'still-starting': { status: 409, means: 'The device does not know yet what came of its last trial' },
  'restart-first': {
    status: 409,
    means: 'The device uses the slot that is to be written until it has restarted',
  },
  'cannot-try': { status: 409, means: 'The device cannot try a slot, or does not know what runs or starts' },
  'slot-unusable': { status: 409, means: 'The other slot holds nothing that may be started' },
  'trial-going-on': { status: 409, means: 'A trial has to be confirmed or rolled back before' },
  'no-trial': { status: 409, means: 'No trial goes on, or one of another build' },
  'trial-unwell': { status: 409, means: 'The build on trial is not well; `waitsFor` says what is missing' },
  'trial-ending': { status: 409, means: 'The trial is being confirmed at this moment' },
  'image-manifest': { status: 422, means: 'It is no manifest of version 1, or contradicts itself' },
  'image-signature': { status: 422, means: 'Nobody whom the running image trusts has signed this manifest' },
  'image-clock': { status: 422, means: 'Only keys that expire vouch for it, and the clock has not been set' },
  'image-board': { status: 422, means: 'The image is for another board' },
  'image-hostname': { status: 422, means: 'The image is for another device; a signed permission takes it' },
  'image-layout': { status: 422, means: 'A partition is smaller than the image needs' },
  'image-older': {
    status: 422,
    means: 'It was signed before one that ran here; a signed permission takes it',
  },
  'image-future': { status: 422, means: 'It was signed later than it is now; a signed permission takes it' },
  'chunk-damaged': { status: 422, means: 'A chunk is not what the manifest says, or the stream breaks off' },
  'update-failed': { status: 500, means: 'The device failed, its disk most likely; the session is over' },
} as const satisfies Record<string, RefusalRow>;

/** What may happen to whatever takes a permit (permit/permit.ts) besides. */
export const PERMIT_REFUSALS = {
  'permit-refused': {
    status: 403,
    means:
      'Nobody whom the running image trusts has signed this for this device, this start of it and this purpose',
  },
  'challenge-over': { status: 403, means: 'The challenge was used, is over, or was never given' },
  'no-permits': {
    status: 403,
    means: 'The image takes no permit: it trusts no key, or was built with `"breakglass": "off"`',
  },
} as const satisfies Record<string, RefusalRow>;

/** What may happen to who debugs an app besides. */
export const DEBUG_REFUSALS = {
  'no-such-session': { status: 404, means: 'Nothing is open under this id any more' },
  'debug-busy': { status: 409, means: 'Somebody else debugs this app' },
  'not-node': { status: 409, means: 'The app is no Node.js program, so that it has no inspector' },
  'no-inspector': { status: 409, means: 'The app does not open its inspector, or it cannot be reached' },
  'needs-upgrade': { status: 426, means: 'This address takes `Upgrade: tskrazy-tunnel` alone' },
} as const satisfies Record<string, RefusalRow>;

/** What may happen to break-glass sessions besides. */
export const BREAKGLASS_REFUSALS = {
  'wrong-terminal-key': {
    status: 403,
    means: 'The terminal is for those who have opened the session: its key is another one',
  },
  'breakglass-ended': { status: 404, means: 'The session is over, or there was none of that id' },
  'breakglass-busy': {
    status: 409,
    means: 'Somebody else has a session, or one with another toolbox is open',
  },
  'toolbox-damaged': { status: 422, means: 'The toolbox is not what was signed, or no tar of its form' },
  'toolbox-room': { status: 507, means: 'The toolbox is larger than the memory that there is for it' },
} as const satisfies Record<string, RefusalRow>;

/** What may happen to who changes the Wi-Fi networks of a device besides. */
export const WIFI_REFUSALS = {
  'no-such-network': { status: 404, means: 'The device knows no network of this name' },
  'no-wifi': { status: 409, means: 'The image has no Wi-Fi' },
  'wifi-busy': { status: 409, means: 'A network is being tried' },
  'wifi-full': { status: 409, means: 'The device knows as many networks as it can' },
  'network-in-use': {
    status: 409,
    means: 'The device is in this network; `evenJoined` removes it all the same',
  },
  'no-wifi-trial': {
    status: 409,
    means: 'This network is not tried, or the device has no address in it yet',
  },
} as const satisfies Record<string, RefusalRow>;

export const REFUSALS = {
  ...REQUEST_REFUSALS,
  ...UPDATE_REFUSALS,
  ...PERMIT_REFUSALS,
  ...DEBUG_REFUSALS,
  ...BREAKGLASS_REFUSALS,
  ...WIFI_REFUSALS,
} as const;

export type RefusalCode = keyof typeof REFUSALS;

/** How the web server answers then, with more beside it where a code says so. */
export interface WebError {
  error: { code: RefusalCode; message: string };
}

/** False for anything that came over the network and is of a newer list than this one. */
export function isRefusalCode(value: unknown): value is RefusalCode {
  return typeof value === 'string' && Object.hasOwn(REFUSALS, value);
}

export function statusOf(code: RefusalCode): number {
  return REFUSALS[code].status;
}
