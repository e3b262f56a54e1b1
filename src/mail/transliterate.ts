/**
 * A character in ASCII, for a banner in a text whose character set lacks it: "Sécurisé" as "Securise", a
 * quotation mark as `"`.
 *
 * Accents are removed (NFKD); European letters and punctuation that do not decompose are in the table;
 * pictographs (a padlock) are dropped. Anything else, such as kana or Cyrillic, has no ASCII form that its
 * reader would accept: null. A banner of which nothing is left after that is not written at all.
 */
const FORMS: ReadonlyMap<string, string> = new Map(
  (
    'ß=ss ẞ=SS æ=ae Æ=AE œ=oe Œ=OE ø=o Ø=O ł=l Ł=L đ=d Đ=D ð=d Ð=D þ=th Þ=Th ı=i ħ=h Ħ=H ŋ=n Ŋ=N ĸ=k ŧ=t Ŧ=T ' +
    '‘=\' ’=\' ‚=\' ‛=\' ‹=\' ›=\' “=" ”=" „=" ‟=" «=" »=" ‐=- ‒=- –=- —=- ―=- −=- •=* ·=* ×=x ÷=/ ⁄=/ ' +
    '©=(c) ®=(r) €=EUR £=GBP ¡=! ¿=? →=-> ←=<- ≤=<= ≥=>= ≠=!= ±=+- ✓=+ ✔=+ ✗=- ✘=- §=par. °=deg.'
  )
    .split(' ')
    .map((pair) => [pair.slice(0, 1), pair.slice(2)]),
);

const MARK = /[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]/g;
const DROPPED = /^(?:\p{Extended_Pictographic}|\p{Emoji_Modifier}|\p{Default_Ignorable_Code_Point})$/u;

/** The ASCII form of one character: '' for one that is dropped, null when there is none. */
export function transliterate(char: string): string | null {
  const known = FORMS.get(char);
  if (known !== undefined) return known;
  if (/^\p{Zs}$/u.test(char)) return ' ';
  let out = '';
  for (const piece of char.normalize('NFKD').replace(MARK, '')) {
    const form = piece <= '\x7f' ? piece : FORMS.get(piece);
    if (form === undefined) return DROPPED.test(char) ? '' : null;
    out += form;
  }
  return out;
}
