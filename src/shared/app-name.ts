// Names of apps, which are those of their services, logs and components too: they become file names, names of users
// and parts of URLs on the device.

/** The pattern as a part of longer ones. */
export const APP_NAME_PATTERN = '[a-z0-9][a-z0-9._-]{0,62}';

export const APP_NAME = new RegExp(`^${APP_NAME_PATTERN}$`);
