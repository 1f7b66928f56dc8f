// The radios of Raspberry Pis, and the firmware files that their driver (brcmfmac) asks for, below /lib/firmware. A file with
// the model's name in it comes before the one without (brcmf_alt_fw_path of the driver).

const DIRECTORY = 'brcm';

interface WifiChip {
  /** As in the names of its files. */
  chip: string;
  /** As the device tree calls them. None: the one file for all is taken. */
  models: readonly string[];
}

const CHIPS: readonly WifiChip[] = [
  { chip: '43430', models: ['3-model-b', 'model-zero-2-w'] },
  {
    chip: '43455',
    models: [
      '3-model-b-plus',
      '3-model-a-plus',
      '4-model-b',
      '4-compute-module',
      '5-model-b',
      '5-compute-module',
      '500',
    ],
  },
  // The 400, and some Compute Modules 4.
  { chip: '43456', models: [] },
];

/** What Debian has of them. */
export const MODEL_FILES: readonly string[] = CHIPS.flatMap(({ chip, models }) => [
  `${DIRECTORY}/brcmfmac${chip}-sdio.bin`,
  `${DIRECTORY}/brcmfmac${chip}-sdio.clm_blob`,
  ...(models.length === 0
    ? [`${DIRECTORY}/brcmfmac${chip}-sdio.txt`]
    : models.map((model) => `${DIRECTORY}/brcmfmac${chip}-sdio.raspberrypi,${model}.txt`)),
]);

/** What the radio runs, of any of its chips. */
export const RADIO_PROGRAM =
  /^lib\/firmware\/brcm\/brcmfmac(?:43430|43430b0|43455|43456)-sdio(?:\.[^/]*)?\.bin$/;

/**
 * Many Zero 2 Ws have another revision of the chip, whose files are in no package of Debian: `components.wifi-firmware` can
 * bring them along.
 */
export const ZERO_2_FILES: readonly string[] = ['bin', 'clm_blob', 'txt'].map(
  (ending) => `${DIRECTORY}/brcmfmac43430b0-sdio.raspberrypi,model-zero-2-w.${ending}`,
);
