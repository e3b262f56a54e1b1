/**
 * A browser for pages that tlsward makes: Debian's chromium without a window, through puppeteer-core.
 *
 * Each browser has a folder of its own for what chromium keeps, and is the leader of a session of processes,
 * so that `close` ends it and all that it started by their ids. Every page counts what it must not do: errors,
 * messages of the console, requests to anywhere but the document itself.
 */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import puppeteer, { type Browser, type Page } from 'puppeteer-core';
import { removeFolder } from './folder.ts';
import { exited, guardProcess, sessionMembers, signal } from './processes.ts';
import { findCommand, skipReason } from './requirements.ts';

/** Nothing of these asks a server of its maker for anything; root cannot use chromium's sandbox. */
const FLAGS = [
  ...['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking'],
  ...[
    '--disable-component-update',
    '--disable-sync',
    '--disable-dev-shm-usage',
    '--no-default-browser-check',
  ],
  ...['--disable-extensions', '--hide-scrollbars', '--font-render-hinting=none'],
];

const EXECUTABLES = ['chromium', 'chromium-browser', 'google-chrome'];

/** For tap's `skip`: false when there is a browser, else the reason. Throws when TLSWARD_E2E=required. */
export function browserSkip(): string | false {
  const missing = chromium() === null ? ['no command chromium (Debian: a package of that name)'] : [];
  const reason = skipReason(missing, process.env.TLSWARD_E2E === 'required');
  if (reason !== false) process.stderr.write(`SKIPPED: ${reason}\n`);
  return reason;
}

function chromium(): string | null {
  for (const name of EXECUTABLES) {
    const found = findCommand(name);
    if (found !== null) return found;
  }
  return null;
}

export interface Look {
  /** CSS pixels; 1280 unless told. */
  readonly width?: number;
  readonly height?: number;
  readonly scheme?: 'light' | 'dark';
  /** May scripts of the page run? Yes unless told. */
  readonly script?: boolean;
  /** As it is printed. */
  readonly print?: boolean;
  /** With the colours of the system alone. */
  readonly forcedColors?: boolean;
}

/** A page that is open, with what it did. */
export interface OpenPage {
  readonly page: Page;
  /** Errors and warnings of the console, violations of the policy, exceptions of scripts. */
  readonly errors: string[];
  /** What was asked for beside the document itself. */
  readonly requests: string[];
  /**
   * The visible rows of the first table whose caption contains these words, head and foot included: the
   * trimmed text of each cell, white space as one blank. Throws when there is none.
   */
  readTable(caption: string): Promise<string[][]>;
  close(): Promise<void>;
}

export interface TestBrowser {
  readonly pid: number;
  /** Opens an address (`file:`, or `http:` on loopback) and waits until it is loaded. */
  page(url: string, look?: Look): Promise<OpenPage>;
  close(): Promise<void>;
}

export async function launchBrowser(): Promise<TestBrowser> {
  const executablePath = chromium();
  if (executablePath === null) throw new Error('no chromium');
  const userDataDir = mkdtempSync(join(tmpdir(), 'tlsward-browser-'));
  const browser = await puppeteer.launch({ executablePath, userDataDir, args: FLAGS, timeout: 90_000 });
  const child = browser.process();
  const pid = child?.pid;
  if (child === null || pid === undefined) throw new Error('chromium has no process');
  const guard = guardProcess(pid);
  return {
    pid,
    page: (url, look = {}) => openPage(browser, url, look),
    async close() {
      await browser.close().catch(() => {});
      guard.release();
      for (const member of sessionMembers(pid)) signal(member.pid, 'SIGKILL');
      await exited(child);
      removeFolder(userDataDir);
    },
  };
}

async function openPage(browser: Browser, url: string, look: Look): Promise<OpenPage> {
  const page = await browser.newPage();
  const errors: string[] = [];
  const requests: string[] = [];
  page.on('console', (message) => {
    if (['error', 'warn'].includes(message.type())) errors.push(`${message.type()}: ${message.text()}`);
  });
  page.on('pageerror', (error) => errors.push(String(error)));
  page.on('request', (request) => {
    if (!request.isNavigationRequest()) requests.push(request.url());
  });
  await page.setViewport({ width: look.width ?? 1280, height: look.height ?? 900 });
  await page.setJavaScriptEnabled(look.script ?? true);
  // puppeteer knows no forced colours; one command for all, as each replaces the one before
  const session = await page.createCDPSession();
  await session.send('Emulation.setEmulatedMedia', {
    media: look.print === true ? 'print' : 'screen',
    features: [
      { name: 'prefers-color-scheme', value: look.scheme ?? 'light' },
      { name: 'forced-colors', value: look.forcedColors === true ? 'active' : 'none' },
    ],
  });
  await page.goto(url, { waitUntil: 'load', timeout: 60_000 });
  return {
    page,
    errors,
    requests,
    readTable: (caption) => readTable(page, caption),
    close: () => page.close(),
  };
}

async function readTable(page: Page, caption: string): Promise<string[][]> {
  const rows = await page.evaluate((words) => {
    const one = (text: string | null) => (text ?? '').replace(/\s+/g, ' ').trim();
    const tables = [...document.querySelectorAll('table')];
    const table = tables.find((each) => one(each.caption?.textContent ?? '').includes(words));
    if (table === undefined) return null;
    const shown = [...table.rows].filter((row) => !row.hidden);
    return shown.map((row) => [...row.cells].map((cell) => one(cell.textContent)));
  }, caption);
  if (rows === null) throw new Error(`no table with the caption ${caption}`);
  return rows;
}
