/**
 * The constants of the milter protocol under their libmilter names, and tables that turn numbers back into
 * names for logs.
 *
 * Commands and replies are one byte each, printable ASCII; option bits are 32-bit masks. "Offered" bits come
 * from the MTA, and a filter may only return bits that were offered: Sendmail ends the session otherwise.
 *
 * Sources: libmilter `include/libmilter/mfdef.h` (8.17), Postfix `src/milter/milter8.c`.
 */

/** What the MTA sends. */
export const SMFIC = {
  ABORT: 0x41, // A: ends the message, not the connection; never answered
  BODY: 0x42, // B
  CONNECT: 0x43, // C
  MACRO: 0x44, // D: never answered
  BODYEOB: 0x45, // E
  HELO: 0x48, // H
  QUIT_NC: 0x4b, // K: another SMTP session follows on this connection; never answered
  HEADER: 0x4c, // L
  MAIL: 0x4d, // M
  EOH: 0x4e, // N
  OPTNEG: 0x4f, // O
  QUIT: 0x51, // Q: never answered
  RCPT: 0x52, // R
  DATA: 0x54, // T
  UNKNOWN: 0x55, // U: an SMTP command that the MTA does not know
} as const;

/** What a filter sends. */
export const SMFIR = {
  ADDRCPT: 0x2b, // +
  DELRCPT: 0x2d, // -
  ADDRCPT_PAR: 0x32, // 2: with parameters of RCPT
  REPLBODY: 0x62, // b
  CONTINUE: 0x63, // c
  DISCARD: 0x64, // d
  ACCEPT: 0x61, // a
  ADDHEADER: 0x68, // h
  INSHEADER: 0x69, // i
  CHGHEADER: 0x6d, // m
  OPTNEG: 0x4f, // O
  PROGRESS: 0x70, // p
  QUARANTINE: 0x71, // q
  REJECT: 0x72, // r
  SKIP: 0x73, // s
  TEMPFAIL: 0x74, // t
  REPLYCODE: 0x79, // y
} as const;

/** Actions a filter may take at end of message. */
export const SMFIF = {
  ADDHDRS: 0x001,
  CHGBODY: 0x002,
  ADDRCPT: 0x004,
  DELRCPT: 0x008,
  CHGHDRS: 0x010,
  QUARANTINE: 0x020,
  CHGFROM: 0x040,
  ADDRCPT_PAR: 0x080,
  SETSYMLIST: 0x100,
} as const;

/** Events that are not wanted (NO*), replies that are not sent (NR_*), and other options to negotiate. */
export const SMFIP = {
  NOCONNECT: 0x000001,
  NOHELO: 0x000002,
  NOMAIL: 0x000004,
  NORCPT: 0x000008,
  NOBODY: 0x000010,
  NOHDRS: 0x000020,
  NOEOH: 0x000040,
  NR_HDR: 0x000080,
  NOUNKNOWN: 0x000100,
  NODATA: 0x000200,
  SKIP: 0x000400,
  RCPT_REJ: 0x000800,
  NR_CONN: 0x001000,
  NR_HELO: 0x002000,
  NR_MAIL: 0x004000,
  NR_RCPT: 0x008000,
  NR_DATA: 0x010000,
  NR_UNKN: 0x020000,
  NR_EOH: 0x040000,
  NR_BODY: 0x080000,
  HDR_LEADSPC: 0x100000,
  MDS_256K: 0x10000000,
  MDS_1M: 0x20000000,
} as const;

/** Stages of the macro lists in the negotiation reply; EOM comes before EOH. */
export const SMFIM = {
  CONNECT: 0,
  HELO: 1,
  ENVFROM: 2,
  ENVRCPT: 3,
  DATA: 4,
  EOM: 5,
  EOH: 6,
} as const;

/** Versions this program speaks; 2 is the oldest that libmilter accepts, 6 the newest there is. */
export const MILTER_VERSION_MIN = 2;
export const MILTER_VERSION_MAX = 6;

/** Largest body chunk either side may send without a negotiated larger one (`MILTER_CHUNK_SIZE`). */
export const MILTER_CHUNK_SIZE = 65_535;

/**
 * Bits as names joined with `|`, unknown ones in hexadecimal, `0` when none is set:
 * `NOBODY|NR_HDR|0x80000000`.
 */
export function bitNames(table: Readonly<Record<string, number>>, bits: number): string {
  const names: string[] = [];
  let rest = bits;
  for (const [name, bit] of Object.entries(table)) {
    if ((bits & bit) === 0) continue;
    names.push(name);
    rest &= ~bit;
  }
  if (rest !== 0) names.push(`0x${(rest >>> 0).toString(16)}`);
  return names.join('|') || '0';
}

/** The name of a command or reply byte, or the byte itself in hexadecimal: `MAIL`, `0x7a`. */
export function byteName(table: Readonly<Record<string, number>>, byte: number): string {
  for (const [name, value] of Object.entries(table)) if (value === byte) return name;
  return `0x${byte.toString(16).padStart(2, '0')}`;
}
