/**
 * A report as one HTML file that needs nothing else and asks nobody for anything: its policy allows its own
 * style and script by their hashes, and no more. It says everything without the script, sorted as the report
 * is; the script adds sorting, search and copying. Pure: the same report is always the same bytes.
 *
 * The order is by harm: the answer in a sentence, what to do, how much was protected, with whom it failed and
 * why, what could be better, what is not known, and how to check it; then what others claim. Tables are bounded (`MOST` in links.ts),
 * and say what they leave to the CSV, so that no number of partners makes a page too large for a browser.
 */
import { createHash } from 'node:crypto';
import type { Report } from '../report.ts';
import { plain, ready, weak } from './domains.ts';
import { exceptions } from './exceptions.ts';
import { findings } from './findings.ts';
import { gaps } from './gaps.ts';
import { glossary } from './glossary.ts';
import { rowLinks } from './links.ts';
import { Html, html } from './markup.ts';
import { partners } from './partners.ts';
import { PATTERNS } from './plot.ts';
import { reported } from './reported.ts';
import { SCRIPT } from './script.ts';
import { share } from './share.ts';
import { STYLE } from './style.ts';
import { STYLE_NARROW, stylePrint } from './stylePrint.ts';
import { STYLE_TABLES } from './styleTables.ts';
import { TOKENS } from './tokens.ts';
import { titleOf, top } from './top.ts';
import { span } from './words.ts';

/** The page, as UTF-8 text. */
export function reportPage(report: Report): string {
  const where = report.hosts.length === 1 ? report.hosts[0]! : `${report.hosts.length} hosts`;
  const foot = `tlsward report, ${where.slice(0, 100)}, ${span(report.from, report.to)}`;
  const style = TOKENS + STYLE + STYLE_TABLES + STYLE_NARROW + stylePrint(foot);
  const policy = `default-src 'none'; style-src ${hashOf(style)}; script-src ${hashOf(SCRIPT)}; base-uri 'none'; form-action 'none'`;
  const link = rowLinks(report);
  return html`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${new Html(policy)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<meta name="robots" content="noindex">
<title>${titleOf(report)}, ${where}</title>
<style>${new Html(style)}</style>
</head>
<body>
${PATTERNS}
<a class="skip" href="#findings">Skip to the findings</a>
<div class="sheet">
${top(report)}
<main>
${findings(report, link)}${share(report, link)}${partners(report, link)}${plain(report)}${ready(report)}${weak(report)}${exceptions(report)}${gaps(report)}${reported(report)}${glossary()}</main>
<footer>Made by <code>${report.command}</code>. It loads nothing from elsewhere.</footer>
</div>
<script>${new Html(SCRIPT)}</script>
</body>
</html>
`.text;
}

function hashOf(text: string): string {
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
}
