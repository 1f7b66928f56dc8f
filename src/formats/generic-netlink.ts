// Generic netlink, and of nl80211 the three messages that a device needs: "Generic Netlink" of the kernel's documentation,
// linux/genetlink.h, linux/nl80211.h. They go into messages of netlink-message.ts.

import { attribute, concat, decodeAttributes, uint32 } from './netlink-message.ts';

/** Message type of the controller, which knows the families' numbers. */
export const GENERIC_CONTROLLER = 16;

const CTRL_CMD_GETFAMILY = 3;
const CTRL_ATTR_FAMILY_ID = 1;
const CTRL_ATTR_FAMILY_NAME = 2;
const HEADER_LENGTH = 4;

const NL80211_CMD_SET_POWER_SAVE = 61;
const NL80211_CMD_RELOAD_REGDB = 126;
const NL80211_ATTR_IFINDEX = 3;
const NL80211_ATTR_PS_STATE = 93;
const NL80211_PS_DISABLED = 0;

/** A dump request: all families. */
export function encodeFamiliesRequest(): Uint8Array {
  return header(CTRL_CMD_GETFAMILY);
}

/** Number of the family in one answer; undefined: it is another one. Throws a SyntaxError when it is cut off. */
export function decodeFamilyId(payload: Uint8Array, name: string): number | undefined {
  if (payload.length < HEADER_LENGTH)
    throw new SyntaxError('Cannot decode generic netlink family: no header');
  const attributes = decodeAttributes(payload, HEADER_LENGTH);
  const found = new TextDecoder().decode(attributes.get(CTRL_ATTR_FAMILY_NAME)).replace(/\0.*$/s, '');
  const id = attributes.get(CTRL_ATTR_FAMILY_ID);
  if (found !== name || id?.length !== 2) return undefined;
  return new DataView(id.buffer, id.byteOffset).getUint16(0, true);
}

export function encodeReloadRegulatoryDatabase(): Uint8Array {
  return header(NL80211_CMD_RELOAD_REGDB);
}

export function encodePowerSaveOff(linkIndex: number): Uint8Array {
  return concat(header(NL80211_CMD_SET_POWER_SAVE), [
    attribute(NL80211_ATTR_IFINDEX, uint32(linkIndex)),
    attribute(NL80211_ATTR_PS_STATE, uint32(NL80211_PS_DISABLED)),
  ]);
}

/** struct genlmsghdr: u8 command, u8 version, u16 reserved. */
function header(command: number): Uint8Array {
  return Uint8Array.of(command, 1, 0, 0);
}
