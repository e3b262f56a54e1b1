/**
 * The row of further recipients: what each recipient after the first costs, beside the C filter that does the same work.
 *
 * Sessions are kept, and messages have 1 or 11 recipients in alternating rounds of the same servers; a tenth of the
 * difference in CPU time is what a further recipient costs. Each is looked up, judged, answered and logged.
 */
import type { Bed, Row } from './bed.ts';
import { domainList, freshDirectory, ROWS } from './bed.ts';
import { compare, type Result } from './compare.ts';
import { milterContenders } from './milter-rows.ts';
import { need } from './programs.ts';
import type { Finding } from './report.ts';
import { figure } from './report.ts';
import { median } from './rounds.ts';

const NAME = 'recipients';
const FURTHER = 10;

async function measure(bed: Bed): Promise<Finding[]> {
  const generator = need(bed.programs.loadMilter);
  need(bed.programs.libmilterPeer);
  const load = ['--domains', domainList(bed, ROWS), '--sessions', '10', '--messages', '100'];
  // one contender for each server and number of recipients; the second shares the server of the first
  const results = await compare(bed, NAME, generator, load, [
    ...milterContenders(bed, freshDirectory(bed), ['equal']).flatMap((contender) => [
      contender,
      {
        ...contender,
        name: `${contender.name}, ${1 + FURTHER}`,
        shares: contender.name,
        args: () => ['--expect-header', '--rcpts', String(1 + FURTHER)],
      },
    ]),
  ]);
  const each = (name: string): number => {
    const cpu = (of: string) => results.get(of)!.map((result: Result) => result.cpuUs);
    const one = cpu(name);
    return median(cpu(`${name}, ${1 + FURTHER}`).map((many, round) => (many - one[round]!) / FURTHER));
  };
  const [ours, theirs] = [each('tlsward'), each('equal')];
  bed.say(`CPU of a further recipient: ${figure(ours)} us; C filter ${figure(theirs)} us`);
  return [{ name: `${NAME}.cpu.equal`, measured: ours / theirs }];
}

export const recipientsRow: Row = { name: NAME, title: 'milter, each further recipient', run: measure };
