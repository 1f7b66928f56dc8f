// What devices are called in multicast DNS: `HOSTNAME.local`, and the types of the services that they announce (RFC 6763).
// Both have the web server's port; DEVICE_SERVICE_TYPE has `board=`, `build=` and `version=` in its TXT record.

/** A tskrazy device: HTTP with /api/v1. */
export const DEVICE_SERVICE_TYPE = '_tskrazy._tcp';
/** The service of its page, for whoever looks for pages. */
export const PAGE_SERVICE_TYPE = '_http._tcp';
