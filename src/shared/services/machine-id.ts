/** 32 hexadecimal digits and a newline (machine-id(5)); /etc/machine-id of an image leads here. */
export const MACHINE_ID_PATH = '/run/machine-id';
