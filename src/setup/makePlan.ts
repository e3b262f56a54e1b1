/** The plan for a Postfix and what is wanted of it. */
import { since } from '../core/postfixVersion.ts';
import type { PostfixConfig } from '../mta/postfixConfig.ts';
import { Draft } from './draft.ts';
import { planInbound } from './inbound.ts';
import { planMessages } from './messages.ts';
import { planOutbound } from './outbound.ts';
import type { Plan } from './plan.ts';
import type { Wanted } from './wanted.ts';

/** Rules for messages need the milter and the maps, so that `messages` includes the other two. */
export function makePlan(config: PostfixConfig, wanted: Wanted): Plan {
  const draft = new Draft(config);
  const { wishes } = wanted;
  if (!since(config.version, 3, 0)) {
    draft.obstacle('inbound', `Postfix ${config.release} is too old: 3.7 is the oldest that is supported.`);
    return draft.plan();
  }
  const messages = wishes.has('messages');
  if (wishes.has('inbound') || messages) planInbound(draft, wanted);
  if (wishes.has('outbound') || messages) planOutbound(draft, wanted);
  if (messages) planMessages(draft, wanted);
  return draft.plan();
}
