/**
 * What a statement says of laws and standards, and of its own limits. It maps figures to requirements for whoever judges
 * them, and claims no conformity.
 */
export const NORMS = {
  before: [
    'Which figures bear on which requirement. This is a record of what mail servers saw, and no statement of conformity: whether a requirement is met is for whoever is responsible to judge, with more than this page.',
  ],
  table: {
    caption: 'Requirements',
    columns: ['requirement', 'what it asks for, in short', 'where to look'],
    rows: [
      [
        'HIPAA, 45 CFR 164.312(e)(1), (e)(2)(ii)',
        'technical measures against access to health information in transmission; encryption where appropriate',
        'How it came, How it left: TLS, without TLS and not known',
      ],
      [
        'PCI DSS 4, requirement 4',
        'strong cryptography for card data over open, public networks; the other side proves who it is',
        'How it left: TLS, server verified; protocols and ciphers are in the CSV',
      ],
      [
        'GDPR, Article 32(1)(a), (d)',
        'encryption as is appropriate to the risk; regular evaluation of its effectiveness',
        'all figures; Exceptions; Gaps in the records',
      ],
      [
        'BSI TR-03108',
        'encrypted and authenticated transport between mail servers (DANE, MTA-STS), modern TLS',
        'How it left: TLS, server verified; protocols and ciphers are in the CSV',
      ],
    ],
  },
} as const;

export const LIMITS = [
  'It ends at the next server: what that one did with a message, nobody here saw.',
  'Not known is neither protected nor unprotected. A message that nobody recorded is in no figure.',
  'TLS without proof of the other side keeps out those who listen, not those who stand in between.',
  'The heads prove that records were not changed after a head left this host; not that what was recorded was so.',
];
