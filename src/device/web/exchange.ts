// What a handler is given: the server it belongs to, and the one request that it is to answer.

import type http from 'node:http';

import type { DeviceConfig } from '../../shared/services/services.ts';
import type { OpenerOptions } from '../breakglass/session-opener.ts';
import type { AssetTable } from './assets.ts';
import type { Authenticator, Identity } from './auth.ts';
import type { EventStreams } from './event-stream.ts';
import type { HostNames } from './host-check.ts';
import type { InitClient } from './init-client.ts';
import type { Inspections } from './inspections.ts';
import type { Permits } from './permits.ts';
import type { BodyPace } from './request-body.ts';
import type { Route } from './router.ts';
import type { StatusFeed } from './status-feed.ts';
import type { StatusReader } from './status.ts';
import type { TlsCredentials } from './tls-credentials.ts';
import type { TrialWatch } from './trial-watch.ts';
import type { Updates } from './updates.ts';

export interface WebContext {
  config: DeviceConfig;
  hostNames: HostNames;
  /** undefined: TLS is off. */
  credentials: TlsCredentials | undefined;
  init: InitClient;
  auth: Authenticator;
  status: StatusReader;
  feed: StatusFeed;
  streams: EventStreams;
  assets: AssetTable;
  updates: Updates;
  /** Loaded with the first who wants one: node:crypto takes its time, which the device's start is not to wait for. */
  permits: () => Promise<Permits>;
  inspections: Inspections;
  /** Set by tests. */
  reportsPath?: string;
  trial: TrialWatch;
  bodyPace: BodyPace;
  /** See WebLimits. */
  peerSilenceMs: number;
  /** Set by tests. */
  breakglass: Pick<OpenerOptions, 'place' | 'maxEntries'>;
}

export interface Exchange {
  request: http.IncomingMessage;
  response: http.ServerResponse;
  params: Readonly<Record<string, string>>;
  query: URLSearchParams;
  identity: Identity;
}

export type Handler = (context: WebContext, exchange: Exchange) => void | Promise<void>;

export type WebRoute = Route<Handler>;
