/**
 * The thread of recorder.ts: writes one stream. The messages are in writerJob.ts. This file does nothing if it is
 * imported anywhere else.
 */
import { isMainThread, parentPort, workerData } from 'node:worker_threads';
import { Writer } from './writer.ts';
import type { FromWriter, ToWriter, WriterJob } from './writerJob.ts';

function isWriterJob(data: unknown): data is WriterJob {
  return typeof data === 'object' && data !== null && 'tlswardEvidence' in data;
}

if (!isMainThread && parentPort !== null && isWriterJob(workerData)) {
  const port = parentPort;
  const writer = new Writer(workerData, (message: FromWriter) => {
    port.postMessage(message);
    if (message.kind === 'closed') port.close();
  });
  port.on('message', (message: ToWriter) => writer.take(message));
}
