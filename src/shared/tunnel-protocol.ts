/** What `Upgrade` says where a request becomes a tunnel: bytes both ways, to what its address leads to. */
export const TUNNEL_PROTOCOL = 'tskrazy-tunnel';
