// How a device proves by TLS who it is: what its programs, the builder and `tsk` agree on.

/** Key and certificate of the device in PEM; root's alone, and not in any app's sandbox. */
export const IDENTITY_PATH = '/etc/tskrazy/identity.pem';

/** Key and certificates of the user's, where the instance has them ("web.tls": "own"). */
export const OWN_CERTIFICATE_PATH = '/etc/tskrazy/own-certificate.pem';
export const OWN_KEY_PATH = '/etc/tskrazy/own-key.pem';

/**
 * The server name (SNI) by which `tsk` asks for the device's own certificate, whatever name it connects to and whatever
 * certificate browsers are shown. Names in "internal" are nobody's in the internet.
 */
export const IDENTITY_SERVER_NAME = 'tsk.internal';

/** Of DeviceConfig. */
export interface DeviceTls {
  port: number;
  /** SHA-256 of the device's own certificate, as browsers write it: "AB:CD:...". */
  fingerprint: string;
  /** Absolute paths on the device of what browsers are shown instead. */
  own?: { certificatePath: string; keyPath: string };
}
