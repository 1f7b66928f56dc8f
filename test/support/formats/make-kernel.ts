// Makes the start of a kernel image for tests: the header fields by which boot loaders know it, nothing to run.

const PE_OFFSET = 0x80;

export function makeKernelHead(
  architecture: 'amd64' | 'arm64',
  options: { peMachine?: number; lengthBytes?: number } = {},
): Uint8Array {
  const bytes = new Uint8Array(options.lengthBytes ?? 4096);
  const view = new DataView(bytes.buffer);
  bytes.set([0x4d, 0x5a]);
  view.setUint32(0x3c, PE_OFFSET, true);
  view.setUint32(PE_OFFSET, 0x4550, true);
  view.setUint16(PE_OFFSET + 4, options.peMachine ?? { amd64: 0x8664, arm64: 0xaa64 }[architecture], true);
  if (architecture === 'arm64') {
    view.setUint32(0x38, 0x644d5241, true);
  } else {
    view.setUint16(0x1fe, 0xaa55, true);
    view.setUint32(0x202, 0x53726448, true);
    view.setUint16(0x206, 0x020f, true);
    view.setUint16(0x236, 0x7f, true);
  }
  return bytes;
}
