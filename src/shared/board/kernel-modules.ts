// What is known of single modules of the kernel, beside what depmod says of all: one row a fact. The host goes by it when it
// chooses what an image needs, init when it loads.

/** Below it the modules of a kernel are in a directory of the kernel's release. */
export const MODULES_DIRECTORY = '/lib/modules';
/** A program that the kernel runs when it wants a module by name (host/build/module-helper.ts). */
export const MODULE_HELPER_PATH = '/tsk/bin/load-module';
/** What that program may load: links by the names that the kernel uses. 17 characters, of which its machine code knows. */
export const OFFERED_MODULES_DIRECTORY = '/run/tsk/modules/';

interface ModuleFact {
  /** Modules that the kernel asks for while it starts the device, by the names that it uses then. */
  followers?: Readonly<Record<string, string>>;
  /** Kernel arguments `NAME.PARAMETER=VALUE` come behind them, and so override them. */
  parameters?: string;
  reason: string;
}

/** By the names that the kernel gives to modules. */
export const MODULE_FACTS: Readonly<Record<string, ModuleFact>> = {
  brcmfmac: {
    followers: {
      'brcmfmac-wcc': 'brcmfmac_wcc',
      'brcmfmac-cyw': 'brcmfmac_cyw',
      'brcmfmac-bca': 'brcmfmac_bca',
    },
    // Roaming of the firmware is off, and so are its own supplicant (0x2000), its SAE (0x80000) and its survey of other
    // networks (0x200000): what is left to wpa_supplicant is done once. Raspberry Pi OS has it so.
    parameters: 'roamoff=1 feature_disable=0x282000',
    reason: 'Wi-Fi of Raspberry Pis: it has a part for each maker of its chips',
  },
  cxd2880_spi: {
    followers: { 'symbol:cxd2880_attach': 'cxd2880' },
    reason: 'the TV HAT of Raspberry Pis: its receiver',
  },
};
