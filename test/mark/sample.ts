/** A mark to start from, and fields made at random. */
import { MARK_CERTIFICATES, MARK_STATES, MARK_VERDICTS, type MarkFields } from '../../src/mark/markFields.ts';
import { type MarkKey, markKey } from '../../src/mark/signMark.ts';
import type { Generator } from './generator.ts';

export const SAMPLE: MarkFields = {
  leg: 'receive',
  state: 'protected',
  protocol: 'TLSv1.3',
  cipher: 'TLS_AES_256_GCM_SHA384',
  bits: 256,
  certificate: 'trusted',
  certificateName: 'client.partner.example',
  row: '.bank.example',
  verdict: 'accept',
  host: 'mx.example.org',
  queueId: '4ZJ2N92ChLz4x04',
  time: '2026-11-22T18:47:31Z',
  code: 'AB12CD34',
  bodyDigest: '',
};

/** Key number n: 32 bytes of that number. */
export function key(n: number): MarkKey {
  return markKey(new Uint8Array(32).fill(n));
}

export function anyFields(g: Generator): MarkFields {
  return {
    leg: 'receive',
    state: g.pick(MARK_STATES),
    protocol: g.text(10),
    cipher: g.text(40),
    bits: g.integer(3) === 0 ? null : g.integer(65536),
    certificate: g.pick(MARK_CERTIFICATES),
    certificateName: g.text(60),
    row: g.text(120),
    verdict: g.pick(MARK_VERDICTS),
    host: g.text(60),
    queueId: g.text(20),
    time: `20${10 + g.integer(90)}-0${1 + g.integer(9)}-1${g.integer(10)}T0${g.integer(10)}:3${g.integer(10)}:4${g.integer(10)}Z`,
    code: g.text(8),
    bodyDigest:
      g.integer(2) === 0
        ? ''
        : Buffer.from(Array.from({ length: 32 }, () => g.integer(256))).toString('base64url'),
  };
}

/** The same value folded elsewhere and with odd white space: what a mail system may make of it. */
export function refold(value: string, g: Generator): string {
  let out = '';
  for (const char of value.replace(/\n /g, '')) {
    if (g.integer(12) === 0) out += g.pick([' ', '\t', '\n ', '\r\n\t', '\n   ']);
    out += char;
  }
  return out;
}
