// The components of Wi-Fi, for instances that have it: what speaks to access points, what a country allows, and what the
// radios of Raspberry Pis run.

import { readElf } from '../../formats/elf.ts';
import { encodeStubLibrary, readNeededSymbols } from '../../formats/elf-stub-library.ts';
import { MODEL_FILES } from '../../shared/board/wifi-firmware.ts';
import { WIFI_LIBRARY_DIRECTORY } from '../../shared/network/wifi.ts';
import { type DebianComponent, providedLibraries } from './debian-components.ts';

/** In the component; its place in the root is /tsk/bin. */
export const SUPPLICANT_FILE = 'sbin/wpa_supplicant';
export const REGULATORY_FILES = ['lib/firmware/regulatory.db', 'lib/firmware/regulatory.db.p7s'];

/** The supplicant is linked to them, and calls nothing of the first unless it is told to look for D-Bus, of the second for MACsec. */
const STOOD_IN_FOR = ['libdbus-1.so.3', 'libnl-route-3.so.200'];

/**
 * wpa_supplicant without its scripts and its shell. In place of D-Bus's library, which brings seven others along (1.2 MB of memory
 * and 3.6 MB of files), and of one for routes (0.5 MB of memory) there are some of these names whose functions do nothing. All lie in
 * a directory of their own, because other components bring some of the same names.
 */
export const WIFI_SUPPLICANT: DebianComponent = {
  packages: ['wpasupplicant'],
  follows: (name) => /^lib(ssl|nl-|pcsclite)/.test(name),
  async write(files, board, writer, packages) {
    const program = files.require(SUPPLICANT_FILE, `usr/${SUPPLICANT_FILE}`).entry;
    await files.addProgram(writer, SUPPLICANT_FILE, program);
    const directory = WIFI_LIBRARY_DIRECTORY.slice(1);
    const provided = new Set([...providedLibraries(board), ...STOOD_IN_FOR]);
    await files.addNeededLibraries(writer, [program], provided, directory);
    const { needed } = await readElf(program.bytes);
    for (const soname of STOOD_IN_FOR.filter((name) => needed.includes(name))) {
      const real = files.findLibrary(soname)?.entry.bytes;
      const { version, names } = readNeededSymbols(program.bytes, soname, real);
      const stub = { machine: board.elfMachine, soname, version, functions: names };
      await writer.file(`${directory}/${soname}`, 0o755, encodeStubLibrary(stub));
    }
    await files.addCopyright(writer, packages);
  },
};

/** The files that are signed upstream: the kernels that are used here know that key, and not Debian's. */
export const WIRELESS_REGDB: DebianComponent = {
  packages: ['wireless-regdb'],
  follows: () => false,
  async write(files, _board, writer, packages) {
    for (const path of REGULATORY_FILES) {
      const found = files.require(`${path}-upstream`, `usr/${path}-upstream`);
      await writer.file(path, 0o644, found.entry.bytes);
    }
    await files.addCopyright(writer, packages);
  },
};

/**
 * Of hundreds of files those that the radios of Raspberry Pis ask for. The release itself lacks what later models call
 * themselves; its backports are those of the release after it, and no later ones, whose firmware is another.
 */
export const WIFI_FIRMWARE: DebianComponent = {
  packages: ['firmware-brcm80211', 'raspi-firmware'],
  follows: () => false,
  archive: { area: 'non-free-firmware', suites: ['bookworm-backports', 'bookworm'] },
  async write(files, _board, writer, packages) {
    for (const path of MODEL_FILES) {
      const found = files.require(`lib/firmware/${path}`, `usr/lib/firmware/${path}`);
      await writer.file(`lib/firmware/${path}`, 0o644, found.entry.bytes);
    }
    await files.addCopyright(writer, packages);
  },
};
