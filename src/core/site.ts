/**
 * Estimates the owner of a domain name: the part of the name that was registered, so that limits can be
 * divided by owner.
 *
 *   name                    owner         registry
 *   mx1.mail.bank.example   bank.example  none: the last two labels
 *   mx.shop.co.uk           shop.co.uk    co.uk, a country with a short label before it
 *   x.abc.de                x.abc.de      abc.de, taken for a registry, although it may itself be registered
 *
 * There is no public suffix list here, so the result is not right for every name. Both mistakes are harmless
 * for dividing a limit. Several owners taken for one get the share of one owner; an owner taken for a
 * registry gets more than one share, but no more than all names of a registry together. Names are canonical.
 */

export interface Site {
  readonly owner: string;
  /** The suffix that may be a registry; null when the owner is the last two labels. */
  readonly registry: string | null;
}

/** `co`, `com`, `org`, `ac`: country registries use short labels. */
const MAX_REGISTRY_LABEL = 3;

/** Total; the owner is the name itself when it has fewer than two labels. */
export function siteOf(name: string): Site {
  const labels = name.split('.');
  const [second = '', top = ''] = labels.slice(-2);
  const registry = labels.slice(-2).join('.');
  if (labels.length < 3 || top.length !== 2 || second.length > MAX_REGISTRY_LABEL)
    return { owner: registry, registry: null };
  return { owner: labels.slice(-3).join('.'), registry };
}
