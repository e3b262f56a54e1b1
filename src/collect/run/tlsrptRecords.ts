/**
 * Datagrams of libtlsrpt to records of the collector's stream. They have no place to read them again from: what the
 * kernel has no room for, or what is read and not yet written when the process is killed, is lost. So they count
 * handshakes, and prove nothing about a message.
 */
import { lineText } from '../../evidence/lineText.ts';
import { datagramsOf } from '../sources/datagrams.ts';
import { MAX_DATAGRAM, parseTlsrpt } from '../tlsrptDatagram.ts';
import type { RecordWriter } from './runCollector.ts';

interface TlsrptOptions {
  readonly fd: number;
  readonly host: string;
  readonly writer: RecordWriter;
  readonly signal: AbortSignal;
  /** Datagrams that are none of libtlsrpt, since the start. */
  readonly onForeign: (count: number) => void;
}

/** Until `signal` is aborted. Rejects with the error of read(2). */
export async function recordTlsrpt({ fd, host, writer, signal, onForeign }: TlsrptOptions): Promise<void> {
  let foreign = 0;
  for await (const batch of datagramsOf(fd, MAX_DATAGRAM, signal)) {
    const time = new Date().toISOString();
    const texts: string[] = [];
    for (const datagram of batch) {
      const read = datagram === null ? null : parseTlsrpt(datagram);
      if (read === null) foreign++;
      else
        texts.push(
          lineText(time, 'tlsrpt', host, {
            leg: 'outbound',
            domain: read.domain,
            policies: read.policies,
            source: { kind: 'tlsrpt', position: '' },
          }),
        );
    }
    if (texts.length < batch.length) onForeign(foreign);
    if (texts.length === 0) continue;
    writer.append(texts.join('\n'));
    writer.commit();
  }
}
