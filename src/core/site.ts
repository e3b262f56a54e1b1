/**
 * Whom a domain name belongs to, roughly: the part of it that somebody registered, so that limits can be shared by owner.
 *
 *   mx1.mail.bank.example   bank.example          the last two labels
 *   mx.shop.co.uk           shop.co.uk, co.uk     a country with a short label before it: three, and two as the registry's
 *   x.abc.de                x.abc.de, abc.de      which that may as well be somebody's own
 *
 * There is no public suffix list here, so no answer is right for every name. Both mistakes are harmless where a limit is
 * shared: owners taken for one share what one would have, and whoever is taken for a registry has more than one share, but
 * no more than all names of a registry together. Names are canonical.
 */

export interface Site {
  readonly owner: string;
  /** What may be a registry, and all names below it; null where the owner is the last two labels. */
  readonly registry: string | null;
}

/** `co`, `com`, `org`, `ac`: registries of countries keep to short labels. */
const MAX_REGISTRY_LABEL = 3;

/** Total; the name itself when it has fewer than two labels. */
export function siteOf(name: string): Site {
  const labels = name.split('.');
  const [second = '', top = ''] = labels.slice(-2);
  const registry = labels.slice(-2).join('.');
  if (labels.length < 3 || top.length !== 2 || second.length > MAX_REGISTRY_LABEL)
    return { owner: registry, registry: null };
  return { owner: labels.slice(-3).join('.'), registry };
}
