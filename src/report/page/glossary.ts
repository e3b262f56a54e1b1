/** The words of the report, for readers who do not run mail servers. */
import { type Html, html } from './markup.ts';
import { part } from './part.ts';

interface Word {
  readonly id: string;
  readonly word: string;
  readonly meaning: string;
}

export const GLOSSARY: readonly Word[] = [
  {
    id: 'message',
    word: 'Message',
    meaning: 'One message for one recipient. A letter to three people is three.',
  },
  {
    id: 'ways',
    word: 'Inbound, outbound',
    meaning:
      'Mail that other hosts bring to this one; mail that this host takes to others. The hops before and after are not seen.',
  },
  {
    id: 'versions',
    word: 'TLS 1.3, 1.2, older',
    meaning: 'Versions of the encryption between mail hosts. The older ones have weaknesses that are known.',
  },
  {
    id: 'plaintext',
    word: 'Plaintext',
    meaning: 'No encryption between the two hosts: whoever is on the way can read it.',
  },
  {
    id: 'unknown',
    word: 'Unknown',
    meaning:
      'It travelled, but no record says how it was protected. It is never counted as protected, nor as plaintext.',
  },
  { id: 'protected', word: 'Protected', meaning: 'Known to have travelled under TLS 1.2 or later.' },
  {
    id: 'required',
    word: 'Required TLS',
    meaning: 'The table of this host demands a level for mail with this partner.',
  },
  { id: 'kept', word: 'Kept', meaning: 'The message travelled, and met the level that the table demands.' },
  {
    id: 'passed',
    word: 'Let pass',
    meaning:
      'It travelled without meeting the level, or without proof that it did: by an exception, or by a row that only observes or tags.',
  },
  {
    id: 'refused',
    word: 'Refused',
    meaning:
      'Inbound mail that was turned away with a reason, for good or for now; the other host knows. Each attempt counts.',
  },
  {
    id: 'failed',
    word: 'Failed',
    meaning:
      'Outbound mail that the other side could not take at the level demanded: it came back to its author, or still waits.',
  },
  {
    id: 'exception',
    word: 'Exception',
    meaning: 'A time in which the table asks less of one partner, with a last day and a reason.',
  },
  {
    id: 'gap',
    word: 'Gap',
    meaning: 'A time for which records are missing. What happened in it is in no figure.',
  },
  {
    id: 'session',
    word: 'Session, reported',
    meaning:
      'A connection to one of our mail hosts, as another server counts it. Several messages, or none, may pass in one.',
  },
  {
    id: 'encrypt',
    word: 'Level encrypt',
    meaning: 'TLS as new as the table asks for, with any certificate.',
  },
  {
    id: 'verify',
    word: 'Level verify',
    meaning: 'As encrypt, and with a certificate that is trusted and names the other host.',
  },
  {
    id: 'secure',
    word: 'Level secure',
    meaning: 'As verify, and the name must belong to the domain of the partner.',
  },
  {
    id: 'fingerprint',
    word: 'Level fingerprint',
    meaning: 'As encrypt, and with exactly the key or certificate that the table names.',
  },
  {
    id: 'dane',
    word: 'Level dane',
    meaning:
      'With the certificate that the partner published in signed DNS; where nothing is published, less.',
  },
  {
    id: 'dane-only',
    word: 'Level dane-only',
    meaning: 'As dane, and nothing is sent where nothing is published.',
  },
  { id: 'auto', word: 'Level auto', meaning: 'What the partner publishes by DANE or MTA-STS decides.' },
];

const LEVEL_WORDS = ['encrypt', 'verify', 'secure', 'fingerprint', 'dane', 'dane-only', 'auto'];

/** A level with the way to its meaning. */
export function levelWord(level: string): Html {
  if (level === '') return html`<span class="zero">not named</span>`;
  return LEVEL_WORDS.includes(level) ? html`<a href="#g-${level}">${level}</a>` : html`${level}`;
}

export function glossary(): Html {
  return part({
    id: 'glossary',
    title: 'Glossary',
    about: html`The words of this report, for readers who do not run mail servers.`,
    body: html`<dl class="words">
${GLOSSARY.map(({ id, word, meaning }) => html`<div id="g-${id}"><dt>${word}</dt><dd>${meaning}</dd></div>\n`)}</dl>
`,
  });
}
