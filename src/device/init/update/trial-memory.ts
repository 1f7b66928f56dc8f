// What is remembered of updates in /perm: the trial that was asked for and what came of the earlier ones. For
// reports, and for who may confirm: which slot runs and whether that is a trial is what the disk and the kernel say.
// An older or newer build may have written it, and a power cut may have damaged it: what cannot be read is as good as
// not there.

import { mkdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { SLOTS } from '../../../shared/board/slots.ts';
import { parseUntrustedJson, type UntrustedValue } from '../../../shared/untrusted-json.ts';
import {
  MAX_UPDATE_RECORDS,
  type UpdateOutcome,
  type UpdateRecord,
} from '../../../shared/update/update-state.ts';
import type { Sys } from '../../sys/sys.ts';
import { writeDurably } from '../../durable-file.ts';
import { STATE_DIRECTORY } from '../../state-directory.ts';
import type { PendingTrial, TrialOutcome } from './trial/pending-trial.ts';

const FILE = `${STATE_DIRECTORY}/updates.json`;
const MAX_FILE_BYTES = 1024 * 1024;
const MAX_TIME_MS = 8.64e15;
const MAX_SERVICES = 1000;
const MAX_LINES = 100;
const NAME = /^.{1,200}$/su;
const LONG_TEXT = /^.{0,2000}$/su;
const OUTCOMES: readonly UpdateOutcome[] = ['confirmed', 'rolled back', 'did not start'];

export interface TrialMemory {
  pending: PendingTrial | null;
  /** Newest first. */
  history: readonly UpdateRecord[];
  /** Newest signing time of what was confirmed; absent: none that is known. */
  newestSignedAtSec?: number;
}

export const EMPTY_MEMORY: TrialMemory = { pending: null, history: [] };

/** With what came of the trial that was pending. */
export function addRecord(
  { history, ...memory }: TrialMemory,
  trial: PendingTrial,
  { outcome, bootId, atMs, reason, lastLines, stillUnwell }: TrialOutcome,
): TrialMemory {
  const record: UpdateRecord = {
    id: trial.id,
    startedAtMs: trial.askedAtMs,
    endedAtMs: atMs,
    fromBuildId: trial.fromBuildId,
    toBuildId: trial.buildId,
    toSlot: trial.slot,
    mode: trial.mode,
    who: trial.who,
    outcome,
    reason,
    lastLines,
    ...(stillUnwell && { stillUnwell }),
    bootId,
  };
  // An image that was confirmed may be older than one before, where that was permitted: from now on its time counts.
  const newestSignedAtSec =
    (outcome === 'confirmed' ? trial.newestSignedAtSec : undefined) ?? memory.newestSignedAtSec;
  return {
    pending: null,
    history: [record, ...history].slice(0, MAX_UPDATE_RECORDS),
    ...(newestSignedAtSec !== undefined && { newestSignedAtSec }),
  };
}

export function readTrialMemory(sys: Sys): TrialMemory {
  let bytes: Buffer;
  try {
    bytes = readFileSync(sys.path(FILE));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return EMPTY_MEMORY;
    throw error;
  }
  return parseTrialMemory(bytes);
}

export function parseTrialMemory(bytes: Uint8Array): TrialMemory {
  const file = parseUntrustedJson(bytes, { name: FILE, maxBytes: MAX_FILE_BYTES });
  file.field('formatVersion').oneOf([1]);
  return {
    pending: file.field('pending').orNull(readPending),
    history: file.field('history').items(MAX_UPDATE_RECORDS).map(readRecord),
    ...readNewest(file),
  };
}

export function writeTrialMemory(sys: Sys, memory: TrialMemory): void {
  const path = sys.path(FILE);
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  writeDurably(path, formatTrialMemory(memory), 0o600);
}

export function formatTrialMemory(memory: TrialMemory): string {
  return `${JSON.stringify({ formatVersion: 1, ...memory })}\n`;
}

function readPending(value: UntrustedValue): PendingTrial {
  const before = value.field('before');
  const network = before.field('network');
  return {
    id: value.field('id').text(NAME),
    slot: value.field('slot').oneOf(SLOTS),
    buildId: value.field('buildId').text(NAME),
    mode: value.field('mode').oneOf(['live', 'reboot']),
    confirmBy: value.field('confirmBy').oneOf(['client', 'device']),
    who: value.field('who').text(NAME),
    changedApps: readNames(value.field('changedApps')),
    fromBuildId: value.field('fromBuildId').text(NAME),
    askedAtMs: readTime(value.field('askedAtMs')),
    askedBootId: value.field('askedBootId').text(LONG_TEXT),
    before: {
      network: { ipv4: network.field('ipv4').boolean(), ipv6: network.field('ipv6').boolean() },
      waiting: readNames(before.field('waiting')),
      unwell: readList(before.field('unwell')).map((service) => ({
        name: service.field('name').text(NAME),
        why: service.field('why').text(LONG_TEXT),
        isExcused: service.field('isExcused').boolean(),
      })),
    },
    startedBootId: value.field('startedBootId').orNull((id) => id.text(LONG_TEXT)),
    ending: value.field('ending').orNull((ending) => ({
      atMs: readTime(ending.field('atMs')),
      ...readReason(ending),
    })),
    isSecondTry: value.field('isSecondTry').boolean(),
    returns: readReturns(value.field('returns')),
    ...readNewest(value),
  };
}

/** Older builds did not remember it. */
function readNewest(value: UntrustedValue): Pick<TrialMemory, 'newestSignedAtSec'> {
  const sec = value.field('newestSignedAtSec');
  return sec.isAbsent ? {} : { newestSignedAtSec: sec.integer(0, MAX_TIME_MS / 1000) };
}

function readNames(value: UntrustedValue): string[] {
  return readList(value).map((name) => name.text(NAME));
}

/** Older builds had fewer of these. */
function readList(value: UntrustedValue): UntrustedValue[] {
  return value.isAbsent ? [] : value.items(MAX_SERVICES);
}

function readReturns(value: UntrustedValue): number {
  // Older builds did not count.
  return value.isAbsent ? 0 : value.integer(0, Number.MAX_SAFE_INTEGER);
}

function readRecord(value: UntrustedValue): UpdateRecord {
  return {
    id: value.field('id').text(NAME),
    startedAtMs: readTime(value.field('startedAtMs')),
    endedAtMs: readTime(value.field('endedAtMs')),
    fromBuildId: value.field('fromBuildId').text(NAME),
    toBuildId: value.field('toBuildId').text(NAME),
    toSlot: value.field('toSlot').oneOf(SLOTS),
    mode: value.field('mode').oneOf(['live', 'reboot']),
    who: value.field('who').text(NAME),
    outcome: value.field('outcome').oneOf(OUTCOMES),
    ...readReason(value),
    ...readStillUnwell(value.field('stillUnwell')),
    bootId: value.field('bootId').orNull((id) => id.text(LONG_TEXT)),
  };
}

function readStillUnwell(value: UntrustedValue): Pick<UpdateRecord, 'stillUnwell'> {
  return value.isAbsent ? {} : { stillUnwell: value.items(MAX_SERVICES).map((what) => what.text(LONG_TEXT)) };
}

function readReason(value: UntrustedValue): Pick<UpdateRecord, 'reason' | 'lastLines'> {
  return {
    reason: value.field('reason').orNull((reason) => reason.text(LONG_TEXT)),
    lastLines: value.field('lastLines').orNull((last) => ({
      of: last.field('of').text(NAME),
      lines: last
        .field('lines')
        .items(MAX_LINES)
        .map((line) => line.text(LONG_TEXT)),
    })),
  };
}

function readTime(value: UntrustedValue): number {
  return value.integer(0, MAX_TIME_MS);
}
