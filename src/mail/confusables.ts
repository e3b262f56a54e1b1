/**
 * Text reduced to what it looks like, to find a forged tag or banner: "［ＴＬＳ］", "[Т L Ѕ]" with Cyrillic
 * letters, "[T<zero width>LS]" and "[tls]" all become "[tls]".
 *
 * Compatibility forms and accents are removed (NFKD without combining marks), then white space and invisible
 * characters; then letters and brackets that look like ASCII ones become these, and upper case becomes lower
 * case. The result is for comparing only and errs on the side of "looks the same"; it is never shown. In the
 * spirit of Unicode UTS 39 section 4 ("skeleton"), with a small table of our own: the letters of Cyrillic,
 * Greek, Cherokee and Armenian and the small capitals that a mail font shows like Latin ones.
 *
 * One character folds by itself, so that a match can be traced back to the characters it came from.
 */
const LOOKS: ReadonlyMap<string, string> = new Map(
  [
    // Cyrillic, upper and lower case
    'АA ВB ЕE КK МM НH ОO РP СC ТT УY ХX ЅS ІI ЈJ ӀI ԚQ ԜW ҮY Ԍg ԁd аa вb еe кk мm нh оo рp сc тt уy хx ѕs іi јj ӏl ԛq ԝw ѵv ҽe',
    // Greek
    'ΑA ΒB ΕE ΖZ ΗH ΙI ΚK ΜM ΝN ΟO ΡP ΤT ΥY ΧX ϹC αa βb εe ηn ιi κk νv οo ρp τt υu χx ϲc ϳj',
    // Cherokee, Armenian, Lisu
    'ᎪA ᏴB ᏟC ᎠD ᎬE ᏀG ᎻH ᎫJ ᏦK ᏞL ᎷM ᏢP ᏒR ᏚS ᎢT ᏙV ᎳW ᏃZ ՏS ՍU Լl օo սu ցg հh ոn ꓐB ꓚC ꓓD ꓰE ꓡL ꓢS ꓔT ꓴU ꓝF ꓟM ꓠN ꓳO ꓑP ꓣR',
    // Small capitals, dotless and crossed letters, letters that do not decompose
    'ᴀa ʙb ᴄc ᴅd ᴇe ꜰf ɢg ʜh ɪi ᴊj ᴋk ʟl ᴍm ɴn ᴏo ᴘp ʀr ꜱs ᴛt ᴜu ᴠv ᴡw ʏy ᴢz ıi ȷj łl ŁL øo ØO đd ĐD ħh ĦH ŧt ŦT ɑa ɡg ƖI ꞮI ǀl Ɩl',
    // Brackets and signs
    '⁅[ ⁆] ❲[ ❳] ⟦[ ⟧] 〔[ 〕] 【[ 】] 〖[ 〗] 〚[ 〛] ⦋[ ⦌] ⦍[ ⦎] ⦏[ ⦐] 『[ 』] 「[ 」] ⌈[ ⌉] ⌊[ ⌋] ⎡[ ⎤] ⎣[ ⎦] ⸢[ ⸣] ⸤[ ⸥] ⟨< ⟩> 〈< 〉> 《< 》> ‹< ›> «< »> ❨( ❩) ❪( ❫) ⟮( ⟯) ⦅( ⦆) ❴{ ❵} ∗* •* ⁎* –- —- −- ‐- ‒- ⸺- ꞉: ː: ׃: ∶: ⁄/ ∕/ ǃ! ‼!!',
  ]
    .join(' ')
    .split(' ')
    .map((pair) => {
      const [char = '', ...ascii] = pair;
      return [char, ascii.join('')];
    }),
);

const INVISIBLE = /[\p{Default_Ignorable_Code_Point}\p{Mn}\p{Me}\p{Cc}\p{White_Space}\p{Bidi_Control}]/gu;

/** Cache of characters that were folded before; most subjects use few. */
const known = new Map<string, string>();
const MAX_KNOWN = 4096;

/**
 * What one character (a code point) looks like: '' for an invisible one, several characters for a ligature.
 */
export function skeletonChar(char: string): string {
  if (char.length === 1 && char <= '~') return char > ' ' ? char.toLowerCase() : '';
  const before = known.get(char);
  if (before !== undefined) return before;
  let out = '';
  for (const piece of char.normalize('NFKD').replace(INVISIBLE, '')) out += LOOKS.get(piece) ?? piece;
  const folded = out.toLowerCase().replace(INVISIBLE, '');
  if (known.size >= MAX_KNOWN) known.clear();
  known.set(char, folded);
  return folded;
}

export function skeleton(text: string): string {
  let out = '';
  for (const char of text) out += skeletonChar(char);
  return out;
}
