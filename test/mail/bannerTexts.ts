/** Banners that the tests put into messages, each with the forms in which it may stand (as it is, in ASCII). */
export interface CheckingBanner {
  readonly text: string;
  readonly forms: readonly string[];
}

export const checkingBanners: readonly CheckingBanner[] = [
  { text: 'Protected by TLS: TLSv1.3, 256 bits', forms: ['Protected by TLS: TLSv1.3, 256 bits'] },
  {
    text: 'Sécurisé par TLS 1.3 – banque <a@b.example> & "fils"',
    forms: [
      'Sécurisé par TLS 1.3 – banque <a@b.example> & "fils"',
      'Securise par TLS 1.3 - banque <a@b.example> & "fils"',
      'Sécurisé par TLS 1.3 - banque <a@b.example> & "fils"',
    ],
  },
  { text: '🔒 Received over TLS', forms: ['🔒 Received over TLS', 'Received over TLS'] },
  { text: 'Line one\nLine two', forms: ['Line one\nLine two'] },
];
