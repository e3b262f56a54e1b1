/** Settings that the tests of a message's edits start from. */
import type { EditSettings } from '../../src/edits/messageEdits.ts';
import { markKey } from '../../src/mark/signMark.ts';

export const KEYS = [markKey(new Uint8Array(32).fill(9))];

export const SETTINGS: EditSettings = {
  markName: 'X-TLS-Ward',
  bannerName: 'X-TLS-Banner',
  routeHeader: 'X-TLS-Ward-Route',
  replyToken: 'no',
  hostName: 'mx.example.org',
  authservId: 'mx.example.org',
  keys: KEYS,
  tags: ['[secured]'],
  maxBodyBytes: 1000,
  bannerTexts: [],
  bannerForged: 'leave',
  bindsBody: false,
};
