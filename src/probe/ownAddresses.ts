/**
 * Addresses of this host. Mail that would go to one of them at port 25 goes nowhere: Postfix tries the hosts that are
 * preferred to this one, and without any it returns the mail, "loops back to myself" (5.4.6).
 * Source: Postfix `src/smtp/smtp_addr.c`, smtp_domain_addr() and smtp_host_addr(); `src/smtp/smtp_connect.c`.
 */
import { BlockList, isIPv6 } from 'node:net';
import { networkInterfaces } from 'node:os';

/**
 * Is an address one of this host's, however it is written? Tells it for the interfaces of now; where the system does not
 * list them (a unit may forbid AF_NETLINK), of none.
 */
export function ownAddresses(interfaces = networkInterfaces): (address: string) => boolean {
  const own = new BlockList();
  for (const { address } of listed(interfaces)) own.addAddress(address, familyOf(address));
  return (address) => own.check(address, familyOf(address));
}

function listed(interfaces: typeof networkInterfaces): readonly { readonly address: string }[] {
  try {
    return Object.values(interfaces()).flatMap((of) => of ?? []);
  } catch {
    return [];
  }
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIPv6(address) ? 'ipv6' : 'ipv4';
}
