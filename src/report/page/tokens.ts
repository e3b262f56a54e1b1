/**
 * The colours, types and measures of the page, named by their use. Orange-red is for harm alone; levels of TLS
 * differ by pattern and label beside the colour. Dark values are for screens only, so that paper is always
 * light; with forced colours the system's take the place of all of them.
 *
 * Contrast on paper is 4.5 : 1 at least for text and 3 : 1 for what is drawn (WCAG 2.2, 1.4.3 and 1.4.11).
 */
const LIGHT = `
  --paper: #fff; --ink: #15212a; --soft: #52606b; --fill: #f4f6f8;
  --hair: #dfe4e8; --line: #a9b4bc; --edge: #76838d; --accent: #0b5a69; --bad: #b5390a; --warn: #7d5700;
  --tls13: #0d4f5f; --tls12: #5da3b1; --older: #dba53a; --plain: #c9440f; --unknown: #7c8890; --hatch: #15212a;
  --aim: #e3f1f3;`;

const DARK = `
  --paper: #0f161b; --ink: #e4eaee; --soft: #9dabb5; --fill: #172027;
  --hair: #26323a; --line: #4d5c66; --edge: #71808a; --accent: #7cc9d6; --bad: #ff9163; --warn: #e5b95c;
  --tls13: #6cbac8; --tls12: #2c7281; --older: #d19c34; --plain: #f2693a; --unknown: #8593a0; --hatch: #0f161b;
  --aim: #15303a;`;

const FORCED = `
  --paper: Canvas; --ink: CanvasText; --soft: CanvasText; --fill: Canvas;
  --hair: GrayText; --line: GrayText; --edge: ButtonBorder; --accent: LinkText; --bad: Highlight; --warn: CanvasText;
  --tls13: CanvasText; --tls12: GrayText; --older: Canvas; --plain: Highlight; --unknown: CanvasText;
  --hatch: CanvasText; --aim: Canvas;`;

export const TOKENS = `:root {
  color-scheme: light dark;${LIGHT}
  --sans: Inter, system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif;
  --mono: ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace;
  --rail: 13rem; --gutter: 2.5rem;
}
@media screen and (prefers-color-scheme: dark) { :root {${DARK}
} }
@media (forced-colors: active) { :root {${FORCED}
} }
`;
