/**
 * The dialogue of a probe as transcripts: `S` what the server says, `C` what the probe says, `T` the handshake. Each is played
 * whole and byte by byte. MAIL is never said.
 */
import t, { type Test } from 'tap';
import { type Dialogue, type DialogueStep, heard, secured, startDialogue } from '../../src/probe/dialogue.ts';

/** What the probe says to a server that says this, and where it ends. */
function play(lines: readonly string[], size: number): { readonly said: string[]; readonly state: Dialogue } {
  const said: string[] = [];
  let state = startDialogue('me.example');
  const take = (step: DialogueStep) => {
    state = step.state;
    if (step.send !== undefined) said.push(`C ${step.send}`);
    if (step.handshake) said.push('T');
    if (step.over) said.push('over');
  };
  for (const line of lines) {
    if (line === 'T') take(secured(state));
    else {
      const bytes = line.slice(2).replaceAll('|', '\r\n');
      for (let at = 0; at < bytes.length; at += size) take(heard(state, bytes.slice(at, at + size)));
    }
  }
  return { said, state };
}

function plays(
  t: Test,
  what: string,
  lines: readonly string[],
  want: readonly string[],
  state: Partial<Dialogue> = {},
) {
  for (const size of [1, 10_000]) {
    const found = play(lines, size);
    t.same(found.said, want, what);
    t.match(found.state, state, what);
    t.notOk(found.said.some((line) => /MAIL|RCPT|DATA|AUTH/.test(line)));
  }
}

const EHLO = 'C EHLO me.example';
const TLS = 'S 250-mx|250 STARTTLS|';

t.test('to the end', async (t) => {
  plays(
    t,
    'with STARTTLS',
    ['S 220 mx|', TLS, 'S 220 go|', 'T', 'S 250 mx|', 'S 221 bye|'],
    [EHLO, 'C STARTTLS', 'T', EHLO, 'C QUIT', 'over'],
    { injected: 0, ehloUnderTls: { code: 250, lines: ['mx'] } },
  );
  plays(t, 'without', ['S 220 mx|', 'S 250 mx|', 'S 221 bye|'], [EHLO, 'C QUIT', 'over'], { starttls: null });
  plays(t, 'refused', ['S 220 mx|', TLS, 'S 454 4.7.0 no|'], [EHLO, 'C STARTTLS', 'C QUIT'], {
    starttls: { code: 454, lines: ['4.7.0 no'] },
  });
  plays(t, 'EHLO unknown', ['S 220 mx|', 'S 502 what|', 'S 250 mx|'], [EHLO, 'C HELO me.example', 'C QUIT'], {
    helo: { code: 250, lines: ['mx'] },
  });
  plays(t, 'EHLO later', ['S 220 mx|', 'S 421 later|'], [EHLO, 'C QUIT']);
  plays(t, 'not now', ['S 554-no|554 mail|'], ['C QUIT'], { greeting: { code: 554, lines: ['no', 'mail'] } });
  plays(t, 'no SMTP', ['S HTTP/1.1 400 Bad Request|'], ['over'], { broken: 'a line that is no reply' });
});

t.test('bytes before the handshake', async (t) => {
  const lines = ['S 220 mx|', TLS, 'S 220 go|250-mx|250 AUTH PLAIN|', 'T', 'S 250 mx|'];
  const { said, state } = play(lines, 10_000);
  t.same(said, [EHLO, 'C STARTTLS', 'T', EHLO, 'C QUIT']);
  t.equal(state.injected, '250-mx\r\n250 AUTH PLAIN\r\n'.length);
  t.same(state.ehloUnderTls, { code: 250, lines: ['mx'] }, 'they are no reply to anything');
});

t.test('nothing is taken after the end', async (t) => {
  const over = heard(startDialogue('me.example'), 'x\n').state;
  t.equal(over.stage, 'over');
  t.same(heard(over, '220 mx\r\n'), { state: over });
});
