/**
 * The message corpus: about 150 structurally different messages, each with what the body banner does to it.
 *
 * `edits` are the numbers of the parts that get the banner (RFC 3501 numbering, "" for a message of one part), `leaves`
 * is the reason why the message stays as it came. The messages are made by hand after the habits of well-known mailers;
 * nothing in them is from anybody's mail.
 */

import { htmlCases } from './bannerCorpusHtml.ts';
import { multipartCases } from './bannerCorpusMultipart.ts';
import { plainCases } from './bannerCorpusPlain.ts';
import type { Case } from './buildMessage.ts';

export const corpus: readonly Case[] = [...plainCases, ...htmlCases, ...multipartCases];
