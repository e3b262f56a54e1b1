/**
 * Makes the pictures of a report that the manual shows, from the invented report of the tests:
 *
 *   npm run build && node build/test/report/page/pictures.js
 *
 * writes `contrib/doc/images/report*.png`. It needs chromium and Debian's fonts-dejavu-core, so that they look the same
 * wherever they are made.
 */
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { reportPage } from '../../../src/report/page/page.ts';
import { type Look, launchBrowser } from '../../e2e/harness/browser.ts';
import { removeFolder } from '../../e2e/harness/folder.ts';
import { root } from '../../root.ts';
import { sampleReport } from './fixture.ts';

interface Picture {
  readonly file: string;
  readonly look: Look;
  /** The part that stands at the top of the picture. */
  readonly from: string;
  readonly height: number;
  /** Pixels of the picture to one of the page. */
  readonly scale: number;
}

const PICTURES: readonly Picture[] = [
  { file: 'report.png', look: { width: 1280 }, from: '.sheet', height: 1140, scale: 1 },
  { file: 'report-dark.png', look: { width: 1280, scheme: 'dark' }, from: '#share', height: 1140, scale: 1 },
  { file: 'report-phone.png', look: { width: 390 }, from: '.sheet', height: 1000, scale: 1 },
];

const folder = mkdtempSync(join(tmpdir(), 'tlsward-pictures-'));
const images = fileURLToPath(new URL('contrib/doc/images/', root));
mkdirSync(images, { recursive: true });
const page = join(folder, 'report.html');
writeFileSync(page, reportPage(sampleReport()));
const browser = await launchBrowser();
try {
  for (const { file, look, from, height, scale } of PICTURES) {
    const it = await browser.page(pathToFileURL(page).href, look);
    const width = look.width ?? 1280;
    await it.page.setViewport({ width, height: 900, deviceScaleFactor: scale });
    const y = await it.page.$eval(from, (part) => part.getBoundingClientRect().top);
    const clip = { x: 0, y: Math.floor(y), width, height };
    const path = join(images, file) as `${string}.png`;
    const { length } = await it.page.screenshot({ path, clip, captureBeyondViewport: true });
    process.stdout.write(`${path}: ${length} bytes\n`);
    await it.close();
  }
} finally {
  await browser.close();
  removeFolder(folder);
}
