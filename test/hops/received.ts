/**
 * Received fields in the forms that servers write, and what must be read from them. The shapes are real, names and
 * addresses are not. One entry: name, value, what is expected; a field not named is not looked at.
 */

export interface Expected {
  from?: string;
  address?: string;
  by?: string;
  protocol?: string;
  id?: string;
  carrier?: string;
  tls?: 'yes' | 'no' | 'unknown';
  version?: string;
  cipher?: string;
  bits?: number | null;
  weak?: string;
  cert?: string;
  cn?: string;
  /** ISO, UTC. */
  time?: string | null;
}

const AES = 'TLS_AES_256_GCM_SHA384';
const ECDHE = 'TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384';

export const RECEIVED: readonly (readonly [name: string, value: string, expected: Expected])[] = [
  // Postfix
  [
    'Postfix, plain',
    'from mail.partner.example (mail.partner.example [192.0.2.7])\n\tby mx.example.org (Postfix) with ESMTP id 2DE902281F1\n\tfor <bob@example.org>; Sun, 22 Nov 2026 19:47:31 +0100 (CET)',
    {
      from: 'mail.partner.example',
      address: '192.0.2.7',
      by: 'mx.example.org',
      protocol: 'ESMTP',
      id: '2DE902281F1',
      carrier: 'smtp',
      tls: 'no',
      version: '',
      cert: 'unknown',
      time: '2026-11-22T18:47:31.000Z',
    },
  ],
  [
    'Postfix, TLS without smtpd_tls_received_header',
    'from mail.partner.example (mail.partner.example [192.0.2.7])\n\tby mx.example.org (Postfix) with ESMTPS id 4ZJ2N92ChLz4x04\n\tfor <bob@example.org>; Sun, 22 Nov 2026 19:47:31 +0100 (CET)',
    { protocol: 'ESMTPS', id: '4ZJ2N92ChLz4x04', tls: 'yes', version: '', cipher: '', bits: null },
  ],
  [
    'Postfix 3.4 and later, TLS 1.3',
    `from mail.partner.example (unknown [IPv6:2001:db8::7])\n\t(using TLSv1.3 with cipher ${AES} (256/256 bits)\n\t key-exchange X25519 server-signature RSA-PSS (2048 bits) server-digest SHA256)\n\t(Client did not present a certificate)\n\tby mx.example.org (Postfix) with ESMTPS id 534102281F1\n\tfor <bob@example.org>; Sun, 22 Nov 2026 18:47:31 +0000 (UTC)`,
    {
      address: '2001:db8:0:0:0:0:0:7',
      by: 'mx.example.org',
      tls: 'yes',
      version: 'TLSv1.3',
      cipher: AES,
      bits: 256,
      cert: 'none',
    },
  ],
  [
    'Postfix, key-exchange with brackets of its own',
    `from partner.example (unknown [172.20.34.65])\n\t(using TLSv1.3 with cipher ${AES} (256/256 bits)\n\t key-exchange ECDHE (prime256v1) server-signature RSA-PSS (4096 bits) server-digest SHA256)\n\t(Client did not present a certificate)\n\t(Authenticated sender: mkl-all@partner.example)\n\tby smtp.example.org (Postfix) with ESMTPSA id 496151FEB03;\n\tMon, 31 Jul 2023 08:16:20 +0000 (UTC)`,
    {
      address: '172.20.34.65',
      by: 'smtp.example.org',
      protocol: 'ESMTPSA',
      id: '496151FEB03',
      tls: 'yes',
      version: 'TLSv1.3',
      bits: 256,
      time: '2023-07-31T08:16:20.000Z',
    },
  ],
  [
    'Postfix, no certificate asked for',
    'from a.example (a.example [192.0.2.9])\n\t(using TLSv1.2 with cipher ECDHE-RSA-AES256-GCM-SHA384 (256/256 bits))\n\t(No client certificate requested)\n\tby mx.example.org (Postfix) with ESMTPS id A3D6A883E\n\tfor <x@example.org>; Mon, 31 Jul 2023 08:16:35 +0000 (UTC)',
    { tls: 'yes', version: 'TLSv1.2', cipher: 'ECDHE-RSA-AES256-GCM-SHA384', bits: 256, cert: 'none' },
  ],
  [
    'Postfix, verified client certificate',
    `from client.partner.example (host10.test [192.0.2.10])\n\t(using TLSv1.3 with cipher ${AES} (256/256 bits))\n\t(Client CN "client.partner.example", Issuer "Experiment Root CA" (verified OK))\n\tby mx.example.org (Postfix) with ESMTPS id B7; Sun, 22 Nov 2026 18:47:31 +0000 (UTC)`,
    { tls: 'yes', cert: 'trusted', cn: 'client.partner.example' },
  ],
  [
    'Postfix, client certificate that did not verify',
    `from rogue.partner.example (unknown [192.0.2.10])\n\t(using TLSv1.3 with cipher ${AES} (256/256 bits))\n\t(Client CN "rogue.partner.example", Issuer "rogue.partner.example" (not verified))\n\tby mx.example.org (Postfix) with ESMTPS id B7; Sun, 22 Nov 2026 18:47:31 +0000 (UTC)`,
    { tls: 'yes', cert: 'untrusted', cn: 'rogue.partner.example' },
  ],
  [
    'Postfix, a certificate name that plays a verdict',
    `from rogue.example (unknown [192.0.2.10])\n\t(using TLSv1.2 with cipher AES128-SHA (128/128 bits))\n\t(Client CN "a" (verified OK)", Issuer "b" (not verified))\n\tby mx.example.org (Postfix) with ESMTPS id B7; Sun, 22 Nov 2026 18:47:31 +0000 (UTC)`,
    { cert: 'untrusted', version: 'TLSv1.2', bits: 128 },
  ],
  [
    'Postfix, a certificate name that plays TLS',
    'from rogue.example (unknown [192.0.2.10])\n\t(Client CN "using TLSv1.3 with cipher X (256/256 bits)", Issuer "(version=TLSv1.3 bits=256)" (not verified))\n\tby mx.example.org (Postfix) with ESMTP id B7; Sun, 22 Nov 2026 18:47:31 +0000 (UTC)',
    { tls: 'no', version: '', bits: null, cert: 'untrusted' },
  ],
  [
    'Postfix, login that plays TLS',
    'from c.example (unknown [192.0.2.10])\n\t(Authenticated sender: with TLS 1.3)\n\tby mx.example.org (Postfix) with ESMTPA id B7; Sun, 22 Nov 2026 18:47:31 +0000 (UTC)',
    { tls: 'no', protocol: 'ESMTPA' },
  ],
  [
    'Postfix, SMTPUTF8',
    'from a.example (a.example [192.0.2.9])\n (using TLSv1.3 with cipher TLS_AES_128_GCM_SHA256 (128/128 bits)\n key-exchange X25519 server-signature RSA-PSS (2048 bits))\n (No client certificate requested)\n by lists.example.org (Postfix) with UTF8SMTPS id 4DW09V0PkhzDwt7\n for <l@lists.example.org>; Wed,  3 Feb 2021 22:40:29 +1100 (AEDT)',
    { protocol: 'UTF8SMTPS', tls: 'yes', bits: 128, time: '2021-02-03T11:40:29.000Z' },
  ],
  [
    'Postfix, SMTPUTF8 without TLS',
    'from a.example (a.example [192.0.2.9]) by mx.example.org (Postfix) with UTF8SMTP id 1; Wed,  3 Feb 2021 22:40:29 +1100 (AEDT)',
    { protocol: 'UTF8SMTP', tls: 'no' },
  ],
  [
    'Postfix, sendmail(1)',
    'by mx.example.org (Postfix, from userid 1034)\n\tid 4DW09S2y65z9vFb; Wed,  3 Feb 2021 22:40:27 +1100 (AEDT)',
    {
      from: '',
      address: '',
      by: 'mx.example.org',
      protocol: '',
      id: '4DW09S2y65z9vFb',
      carrier: 'local',
      tls: 'unknown',
    },
  ],
  [
    'Postfix, content filter on loopback',
    'from localhost (localhost [127.0.0.1])\n\tby mx.example.org (Postfix) with ESMTP id 2645EE035B\n\tfor <postmaster@example.org>; Mon,  6 Jul 2015 07:00:05 +0200 (CEST)',
    { address: '127.0.0.1', tls: 'no', time: '2015-07-06T05:00:05.000Z' },
  ],
  [
    'Postfix, HELO with a literal of its own choice',
    'from [127.0.0.1] (unknown [203.0.113.5])\n\tby mx.example.org (Postfix) with ESMTP id 1; Mon,  6 Jul 2015 07:00:05 +0200 (CEST)',
    { from: '[127.0.0.1]', address: '203.0.113.5' },
  ],
  [
    'Postfix, recipient that plays a line',
    'from a.example (a.example [192.0.2.9])\n\tby mx.example.org (Postfix) with ESMTP id 1\n\tfor <"x tls TLS_AES_256_GCM_SHA384 (TLS1.3) ; by y with ESMTPS"@example.org>; Mon,  6 Jul 2015 07:00:05 +0200 (CEST)',
    { by: 'mx.example.org', protocol: 'ESMTP', tls: 'no', cipher: '', time: '2015-07-06T05:00:05.000Z' },
  ],
  [
    'Postfix, from clause taken out for privacy',
    'by mail.partner.example (Postfix) with ESMTPA; Wed,\n 17 Jun 2026 02:40:36 -0400 (EDT)',
    {
      from: '',
      by: 'mail.partner.example',
      protocol: 'ESMTPA',
      tls: 'unknown',
      time: '2026-06-17T06:40:36.000Z',
    },
  ],
  // Sendmail
  [
    'Sendmail, plain',
    'from mail.partner.example (mail.partner.example [192.0.2.7])\n\tby mx.example.org (8.17.1/8.17.1) with ESMTP id 6AMImsUP019990\n\tfor <bob@example.org>; Sun, 22 Nov 2026 19:48:55 +0100',
    {
      from: 'mail.partner.example',
      address: '192.0.2.7',
      by: 'mx.example.org',
      protocol: 'ESMTP',
      id: '6AMImsUP019990',
      tls: 'no',
    },
  ],
  [
    'Sendmail, TLS, no certificate',
    `from terminus.example (terminus.example [IPv6:2001:db8:54:3:0:0:0:136])\n\t(authenticated bits=0)\n\tby mail.example.org (8.18.1/8.17.1) with ESMTPSA id 556HjTFp1004770\n\t(version=TLSv1.3 cipher=${AES} bits=256 verify=NO);\n\tFri, 6 Jun 2025 10:45:33 -0700`,
    {
      address: '2001:db8:54:3:0:0:0:136',
      by: 'mail.example.org',
      protocol: 'ESMTPSA',
      tls: 'yes',
      version: 'TLSv1.3',
      cipher: AES,
      bits: 256,
      cert: 'none',
      time: '2025-06-06T17:45:33.000Z',
    },
  ],
  [
    'Sendmail, verified',
    `from a.example (a.example [192.0.2.9])\n\tby mx.example.org (8.17.1/8.17.1) with ESMTPS id x\n\t(version=TLSv1.3 cipher=${AES} bits=256 verify=OK)\n\tfor <b@example.org>; Sun, 22 Nov 2026 18:48:55 GMT`,
    { tls: 'yes', cert: 'trusted', time: '2026-11-22T18:48:55.000Z' },
  ],
  [
    'Sendmail, failed verification, TLSv1',
    'from exch03.example ([10.1.24.118])\n\tby spam.example.org with ESMTPS id 64P1xUg5034251\n\t(version=TLSv1 cipher=ECDHE-RSA-AES256-SHA bits=256 verify=FAIL);\n\tMon, 25 May 2026 09:59:30 +0800 (GMT-8)\n\t(envelope-from a@example.org)',
    {
      address: '10.1.24.118',
      tls: 'yes',
      version: 'TLSv1',
      cert: 'untrusted',
      time: '2026-05-25T01:59:30.000Z',
    },
  ],
  [
    'Sendmail, may be forged',
    'from x.example (host.isp.example [198.51.100.7] (may be forged))\n\tby mx.example.org (8.15.2/8.15.2/Debian-20) with ESMTP id 1; Tue, 1 Sep 2020 03:20:51 +0900',
    { address: '198.51.100.7' },
  ],
  [
    'Sendmail, ident in front of the name',
    'from devron.example (foobar@devron.example [192.168.0.3])\n        by ibmpc.example (8.15.2/8.15.2/Debian-20) with ESMTPS id 07VIKndZ367490\n        (version=TLSv1.3 cipher=TLS_AES_256_GCM_SHA384 bits=256 verify=NOT);\n        Tue, 1 Sep 2020 03:20:51 +0900',
    { address: '192.168.0.3', tls: 'yes', cert: 'none' },
  ],
  [
    'Sendmail, local submission',
    '(from root@localhost)\n\tby mx.example.org (8.17.1/8.17.1/Submit) id 22EBnbIq4150437;\n\tMon, 14 Mar 2022 12:49:37 +0100',
    { from: '', by: 'mx.example.org', carrier: 'local', tls: 'unknown', id: '22EBnbIq4150437' },
  ],
  [
    'Proofpoint, from its own filter',
    'from pps.filterd (m0250809.ppops.example [127.0.0.1])\n\tby mx0a.example.org (8.18.1.8/8.18.1.8) with ESMTP id 57B1GJkk1777086;\n\tSun, 10 Aug 2025 18:37:42 -0700',
    { address: '127.0.0.1', tls: 'no' },
  ],
  [
    'Proofpoint, TLS',
    `from nam10.example (mail-mw2.example [192.0.2.79])\n\tby mx0a.example.org (PPS) with ESMTPS id 48e5uhrvfy-1\n\t(version=TLSv1.3 cipher=${AES} bits=256 verify=NOT);\n\tSun, 10 Aug 2025 18:37:42 -0700 (PDT)`,
    { tls: 'yes', version: 'TLSv1.3', cert: 'none', id: '48e5uhrvfy-1' },
  ],
  [
    'Sendmail of old, TLS without the S',
    'from a.example (a.example [192.0.2.9])\n\tby mx.example.org (8.12.11/8.12.11) with ESMTP id i5\n\t(version=TLSv1/SSLv3 cipher=DHE-RSA-AES256-SHA bits=256 verify=NO);\n\tThu, 1 Jul 2004 13:07:54 +0200',
    { protocol: 'ESMTP', tls: 'yes', version: 'TLSv1/SSLv3', cipher: 'DHE-RSA-AES256-SHA', cert: 'none' },
  ],
  // Exim
  [
    'Exim 4.9x with GnuTLS names',
    'from a.example ([2001:db8:0:c01:1d::a2])\n\tby metis.example with esmtps (TLS1.3:ECDHE_RSA_AES_256_GCM_SHA384:256)\n\t(Exim 4.92)\n\t(envelope-from <ukl@a.example>)\n\tid 1rSyZL-0004S4-Uy; Thu, 25 Jan 2024 13:10:55 +0100',
    {
      address: '2001:db8:0:c01:1d:0:0:a2',
      by: 'metis.example',
      protocol: 'ESMTPS',
      id: '1rSyZL-0004S4-Uy',
      tls: 'yes',
      version: 'TLSv1.3',
      cipher: 'ECDHE_RSA_AES_256_GCM_SHA384',
      bits: 256,
      time: '2024-01-25T12:10:55.000Z',
    },
  ],
  [
    'Exim 4.94 with standard names',
    `from [2001:db8:0:900:1d::77] (helo=ptz.office.example)\n\tby drehscheibe.example with esmtps  (TLS1.3) tls ${ECDHE}\n\t(Exim 4.94.2)\n\t(envelope-from <ukl@a.example>)\n\tid 1rSyZK-002HTX-Q2; Thu, 25 Jan 2024 13:10:54 +0100`,
    {
      from: '[2001:db8:0:900:1d::77]',
      address: '2001:db8:0:900:1d:0:0:77',
      protocol: 'ESMTPS',
      tls: 'yes',
      version: 'TLSv1.3',
      cipher: ECDHE,
      bits: null,
    },
  ],
  [
    'Exim, port behind the address, authenticated',
    `from ip68.example ([198.51.100.146]:33932 helo=email.froward.example)\n        by out01.example with esmtpsa  (TLS1.3) tls ${ECDHE}\n        (Exim 4.93)\n        (envelope-from <eb@a.example>)\n        id 1n6GEo-0019tX-0e; Sat, 08 Jan 2022 11:14:46 -0700`,
    { address: '198.51.100.146', protocol: 'ESMTPSA', tls: 'yes', cipher: ECDHE },
  ],
  [
    'Exim, plain',
    'from metis.example ([198.51.100.9])\n\tby mx.example.org with esmtp (Exim 4.96)\n\t(envelope-from <m@a.example>)\n\tid 1wQ3h0-0001JK-60; Thu, 21 May 2026 15:44:06 +0200',
    { protocol: 'ESMTP', tls: 'no', carrier: 'smtp' },
  ],
  [
    'Exim, local',
    'from mtr by pty.example with local (Exim 4.98.2)\n\t(envelope-from <m@a.example>)\n\tid 1wQ3gz-00000004WQz-0oP0;\n\tThu, 21 May 2026 15:44:05 +0200',
    { from: 'mtr', by: 'pty.example', carrier: 'local', tls: 'unknown' },
  ],
  [
    'Exim, loopback without TLS',
    'from localhost ([::1] helo=lists1p.example)\n\tby lists.example with esmtp (Exim 4.90_1)\n\t(envelope-from <q@lists.example>)\n\tid 1uaAWV-00059j-39; Fri, 11 Jul 2025 05:58:31 -0400',
    { address: '0:0:0:0:0:0:0:1', tls: 'no' },
  ],
  [
    'Exim, HELO that plays loopback',
    'from [203.0.113.5] (helo=[127.0.0.1])\n\tby mx.example.org with esmtp (Exim 4.96)\n\tid 1; Fri, 11 Jul 2025 05:58:31 -0400',
    { address: '203.0.113.5', tls: 'no' },
  ],
  [
    'Exim 3',
    'from dsl.example ([198.51.100.213] helo=blazing.example)\n\tby sc8.example with esmtp (Cipher TLSv1:DES-CBC3-SHA:168) (Exim 3.31-VA-mm2 #1 (Debian))\n\tid 18lyuU-0007TI-00\n\tfor <l@lists.example>; Thu, 20 Feb 2003 14:11:18 -0800',
    { protocol: 'ESMTP', tls: 'yes', version: 'TLSv1', cipher: 'DES-CBC3-SHA', bits: 168 },
  ],
  [
    'Exim, authentication of old (says nothing about TLS)',
    'from a.example ([192.0.2.9])\n\tby mx.example.org with asmtp (Exim 4.20)\n\tid 1; Thu, 20 Feb 2003 14:11:18 -0800',
    { protocol: 'ASMTP', tls: 'unknown' },
  ],
  [
    'ExIM with a semicolon in the middle',
    'from [2001:db8:8980:2478:8cde:aa2c:f324:937e]; authenticated\n        by wp530.example running ExIM with esmtpsa (TLS1.3:ECDHE_RSA_AES_128_GCM_SHA256:128)\n        id 1rAoe1-0001Jn-NU; Wed, 06 Dec 2023 10:56:41 +0100',
    {
      address: '2001:db8:8980:2478:8cde:aa2c:f324:937e',
      by: 'wp530.example',
      protocol: 'ESMTPSA',
      tls: 'yes',
      bits: 128,
      time: '2023-12-06T09:56:41.000Z',
    },
  ],
  [
    'Exim, ciphers with a comma-less long name',
    'by sipsolutions.example with esmtpsa (TLS1.3:ECDHE_X25519__RSA_PSS_RSAE_SHA256__AES_256_GCM:256)\n\t(Exim 4.97)\n\t(envelope-from <j@a.example>)\n\tid 1riFb2-00000005m1E-2Lks;\n\tThu, 07 Mar 2024 16:23:48 +0100',
    { from: '', tls: 'yes', cipher: 'ECDHE_X25519__RSA_PSS_RSAE_SHA256__AES_256_GCM', bits: 256 },
  ],
  // Exchange, Microsoft 365, IIS
  [
    'Exchange Online',
    `from SN7PR12MB6838.namprd12.prod.outlook.example (2001:db8:806:266::18)\n by MN2PR12MB4421.namprd12.prod.outlook.example (2001:db8:208:26c::10)\n with Microsoft SMTP Server (version=TLS1_2,\n cipher=${ECDHE}) id 15.20.8251.15; Fri, 13 Dec\n 2024 01:01:37 +0000`,
    {
      address: '2001:db8:806:266:0:0:0:18',
      by: 'MN2PR12MB4421.namprd12.prod.outlook.example',
      protocol: 'MICROSOFT SMTP SERVER',
      id: '15.20.8251.15',
      carrier: 'smtp',
      tls: 'yes',
      version: 'TLSv1.2',
      cipher: ECDHE,
      time: '2024-12-13T01:01:37.000Z',
    },
  ],
  [
    'Exchange Online, frontend',
    `from AM2PEPF0001C713.outlook.example\n (2001:db8:150:cafe::ec) by AM0PR10CA0051.outlook.example\n (2001:db8:150::31) with Microsoft SMTP Server (version=TLS1_3,\n cipher=${AES}) id 15.20.8182.15 via Frontend\n Transport; Thu, 21 Nov 2024 11:01:25 +0000`,
    {
      address: '2001:db8:150:cafe:0:0:0:ec',
      id: '15.20.8182.15',
      tls: 'yes',
      version: 'TLSv1.3',
      cipher: AES,
    },
  ],
  [
    'Exchange, MAPI',
    'from SN7PR12MB6838.outlook.example\n ([fe80::529d:478:bc5d:b400]) by SN7PR12MB6838.outlook.example\n ([fe80::529d:478:bc5d:b400%6]) with mapi id 15.20.8251.008; Fri, 13 Dec 2024\n 01:01:37 +0000',
    { address: 'fe80:0:0:0:529d:478:bc5d:b400', protocol: 'MAPI', carrier: 'store', tls: 'unknown' },
  ],
  [
    'Exchange, HTTPS to the store',
    'from DB9PR05MB10374.outlook.example (2001:db8:10:463::22)\n by HE1PR0502MB3643.outlook.example with HTTPS; Thu, 21 Nov 2024\n 11:07:07 +0000',
    { protocol: 'HTTPS', carrier: 'web', tls: 'yes' },
  ],
  [
    'Exchange 2013, TLS without details',
    'from HQMAIL107.corp.example (172.20.187.13) by HQMAIL108.corp.example\n (172.20.187.14) with Microsoft SMTP Server (TLS) id 15.0.1473.3; Sat, 3 Oct\n 2020 01:17:23 +0000',
    { address: '172.20.187.13', by: 'HQMAIL108.corp.example', tls: 'yes', version: '', cipher: '' },
  ],
  [
    'Exchange, nothing said of TLS',
    'from sandstorm.corp.example (172.20.13.39) by mail.corp.example\n (172.20.187.13) with Microsoft SMTP Server id 15.0.1473.3 via Frontend\n Transport; Sat, 3 Oct 2020 01:17:23 +0000',
    { address: '172.20.13.39', tls: 'unknown', protocol: 'MICROSOFT SMTP SERVER' },
  ],
  [
    'IIS, TLS',
    'from [192.168.0.3] ([198.51.100.244]) by xfe0.example over TLS secured channel with Microsoft SMTPSVC(6.0.3790.3959);\n\t Wed, 31 Dec 2008 00:08:57 +0100',
    {
      from: '[192.168.0.3]',
      address: '198.51.100.244',
      by: 'xfe0.example',
      protocol: 'MICROSOFT SMTPSVC',
      tls: 'yes',
      time: '2008-12-30T23:08:57.000Z',
    },
  ],
  [
    'IIS, which writes the same with and without TLS where it does not say "over TLS"',
    'from xfe0.example ([198.51.100.40]) by xsmtp1.example with Microsoft SMTPSVC(6.0.3790.3959);\n\t Wed, 31 Dec 2008 00:08:58 +0100',
    { tls: 'unknown', protocol: 'MICROSOFT SMTPSVC' },
  ],
  [
    'IIS, pickup folder',
    'from mail pickup service by hotmail.example with Microsoft SMTPSVC;\n\t Wed, 31 Dec 2008 00:08:58 +0100',
    { carrier: 'local', by: 'hotmail.example' },
  ],
  // Gmail
  [
    'Gmail, incoming',
    `from mail.partner.example (mail.partner.example. [192.0.2.7])\n        by mx.google.example with ESMTPS id d75a77b69052e-4a61116ae58si85983721cf.17.2025.06.11.01.03.46\n        for <x@gmail.example>\n        (version=TLS1_3 cipher=${AES} bits=256/256);\n        Wed, 11 Jun 2025 01:03:47 -0700 (PDT)`,
    {
      address: '192.0.2.7',
      by: 'mx.google.example',
      tls: 'yes',
      version: 'TLSv1.3',
      cipher: AES,
      bits: 256,
      time: '2025-06-11T08:03:47.000Z',
    },
  ],
  [
    'Gmail, submission with SMTPUTF8',
    'from localhost ([2001:db8:7001:11::cb])\n        by smtp.gmail.example with UTF8SMTPSA id d75a77b69052e-4a61116ae58sm85983721cf.17.2025.06.11.01.03.46\n        (version=TLS1_3 cipher=TLS_AES_128_GCM_SHA256 bits=128/128);\n        Wed, 11 Jun 2025 01:03:47 -0700 (PDT)',
    {
      from: 'localhost',
      address: '2001:db8:7001:11:0:0:0:cb',
      protocol: 'UTF8SMTPSA',
      tls: 'yes',
      bits: 128,
    },
  ],
  [
    'Gmail, inside',
    'by 2001:db8:622a:4249:b0:4a5:a96d:6068 with SMTP id d75a77b69052e-4a713c5871dmr47918471cf.37.1749629027868;\n        Wed, 11 Jun 2025 01:03:47 -0700 (PDT)',
    {
      from: '',
      by: '2001:db8:622a:4249:b0:4a5:a96d:6068',
      protocol: 'SMTP',
      carrier: 'smtp',
      tls: 'unknown',
    },
  ],
  [
    'Gmail, sender side',
    'by mail-ed1-f45.google.example with SMTP id 4fb4d7f45d1cf-602c3f113bbso2941473a12.0\n        for <t@example.org>; Sun, 25 May 2025 13:17:36 -0700 (PDT)',
    { from: '', tls: 'unknown' },
  ],
  [
    'Gmail, SMTPS',
    'from mail-sor-f65.google.example (mail-sor-f65.google.example. [192.0.2.65])\n    by mx.google.example with SMTPS id z18sor2345678pld.12\n    for <u@example.org>; Sat, 13 Sep 2025 04:15:20 -0700 (PDT)',
    { protocol: 'SMTPS', tls: 'yes' },
  ],
  [
    'Gmail, web',
    'by 10.64.2.70 with HTTP; Wed, 11 Jun 2025 01:03:47 -0700 (PDT)',
    { protocol: 'HTTP', carrier: 'web', tls: 'unknown' },
  ],
  // qmail and its kin
  [
    'qmail, from network',
    '(qmail 27908 invoked from network); 29 Jul 2007 12:19:51 -0000',
    { by: '', carrier: 'local', tls: 'unknown', time: '2007-07-29T12:19:51.000Z' },
  ],
  ['qmail, by a user', '(qmail 10681 invoked by uid 404); 14 Nov 2003 08:05:52 -0000', { carrier: 'local' }],
  [
    'qmail, plain',
    'from unknown (HELO mail.partner.example) (192.0.2.7)\n  by 0 with SMTP; 29 Jul 2007 12:19:51 -0000',
    { from: 'unknown', address: '192.0.2.7', by: '0', protocol: 'SMTP', tls: 'no' },
  ],
  [
    'qmail, ident and HELO of the client',
    'from postfix3-2.example (HELO [127.0.0.1]) (foobar@203.0.113.129)\n  by totor.example with SMTP; 14 Nov 2003 08:05:50 -0000',
    { address: '203.0.113.129', by: 'totor.example', tls: 'no' },
  ],
  [
    'qmail with TLS patch',
    'from unknown (HELO coredump.example) (10.0.0.2)\n  by peff.example with (DHE-RSA-AES128-SHA encrypted) SMTP; 29 Jul 2007 12:19:51 -0000',
    { address: '10.0.0.2', protocol: 'SMTP', tls: 'yes', cipher: 'DHE-RSA-AES128-SHA', version: '' },
  ],
  [
    'qpsmtpd',
    'from sigill.example (HELO sigill.example) (10.0.0.7)\n by peff.example (qpsmtpd/0.94) with (ECDHE-RSA-AES256-GCM-SHA384 encrypted) SMTP; Thu, 05 Apr 2018 18:13:04 -0400',
    { tls: 'yes', cipher: 'ECDHE-RSA-AES256-GCM-SHA384', time: '2018-04-05T22:13:04.000Z' },
  ],
  [
    'sSMTP',
    'by sigill.example (sSMTP sendmail emulation); Thu, 05 Apr 2018 18:12:02 -0400',
    { carrier: 'local', by: 'sigill.example' },
  ],
  // other servers
  [
    'OpenSMTPD',
    `from localhost (ncase [10.192.0.11])\n        by vm-mail.example (OpenSMTPD) with ESMTPSA id 686d43cf (TLSv1.3:${AES}:256:NO);\n        Mon, 20 Jun 2022 07:07:25 +0000 (UTC)`,
    {
      from: 'localhost',
      address: '10.192.0.11',
      tls: 'yes',
      version: 'TLSv1.3',
      cipher: AES,
      bits: 256,
      cert: 'unknown',
    },
  ],
  [
    'OpenSMTPD, verified, no from',
    '\n\tby mail (OpenSMTPD) with ESMTPS id 78e0e40f (TLSv1.3:TLS_CHACHA20_POLY1305_SHA256:256:YES);\n\tWed, 17 Jun 2026 06:40:35 +0000 (UTC)',
    { from: '', by: 'mail', tls: 'yes', cert: 'trusted' },
  ],
  [
    'Haraka',
    `from localhost (Unknown [127.0.0.1])\n\tby mail.partner.example (Haraka) with ESMTPSA id 0B45C5FF-7B4B-4B89-8C3D-5B105F5816C5.1\n\tenvelope-from <k@partner.example>\n\ttls ${AES} (authenticated bits=0);\n\tTue, 14 Jan 2025 10:49:36 +0000`,
    { tls: 'yes', cipher: AES, protocol: 'ESMTPSA' },
  ],
  [
    'Haraka, with version',
    `from localhost (Unknown [127.0.0.1])\n        by exa.example (Haraka) with ESMTPSA id B3E375ED.1\n        envelope-from <e@exa.example> (authenticated bits=0)\n        (version=TLSv1.3 cipher=${AES});\n        Sat, 24 Oct 2020 17:04:52 +0000`,
    { tls: 'yes', version: 'TLSv1.3', bits: null },
  ],
  [
    'chasquid',
    'from [192.0.2.201] (out-18.example)\n\tby mail.example.org (chasquid) with ESMTPS\n\ttls TLS_AES_128_GCM_SHA256\n\t(over SMTP, TLS-1.3, envelope from "noreply@partner.example")\n\t; Sat, 17 Feb 2024 15:20:18 +0000',
    {
      address: '192.0.2.201',
      tls: 'yes',
      version: 'TLSv1.3',
      cipher: 'TLS_AES_128_GCM_SHA256',
      time: '2024-02-17T15:20:18.000Z',
    },
  ],
  [
    'mox',
    'from mail-ed1-f45.google.example ([192.0.2.45]) by\n\tmail.example.org ([192.0.2.119]) via tcp with ESMTPS id\n\tBoOKs2ZberuJVAqcReGyiw (TLS1.3 TLS_AES_128_GCM_SHA256) for\n\t<t@mail.example.org>; 25 May 2025 20:17:36 +0000',
    {
      address: '192.0.2.45',
      by: 'mail.example.org',
      id: 'BoOKs2ZberuJVAqcReGyiw',
      tls: 'yes',
      version: 'TLSv1.3',
      cipher: 'TLS_AES_128_GCM_SHA256',
    },
  ],
  [
    'mox, a date without a semicolon',
    'from arke.example by arke.example ([192.0.2.48]) via tcp with ESMTPSA id\n\tJ-reXtgMrnked_35Tq1nOg (TLS1.3 TLS_CHACHA20_POLY1305_SHA256)\n\t23 Feb 2026 00:01:15 +0100',
    { id: 'J-reXtgMrnked_35Tq1nOg', tls: 'yes', time: '2026-02-22T23:01:15.000Z' },
  ],
  [
    'Stalwart',
    'from out.partner.example (out.partner.example [192.0.2.137] (AS64496 Partner, Inc., IN))\n\t(using TLSv1.3 with cipher TLS13_AES_256_GCM_SHA384)\n\tby inbound.example.org (Stalwart SMTP) with ESMTPS id 3DE517AF3D36E02;\n\tMon, 8 Dec 2025 12:51:09 +0000',
    {
      address: '192.0.2.137',
      tls: 'yes',
      version: 'TLSv1.3',
      cipher: 'TLS13_AES_256_GCM_SHA384',
      bits: null,
    },
  ],
  [
    'Courier',
    'from mail-qk1.example (mail-qk1.example\n [::ffff:192.0.2.177]) (TLS: TLSv1/SSLv3,128bits,AES128-GCM-SHA256)\n by cnc.example with ESMTPS; Sun, 13 Oct 2019 18:59:51 -0500\n id 0000000000142524.000000005DA3BA77.00005B54',
    {
      address: '192.0.2.177',
      by: 'cnc.example',
      tls: 'yes',
      version: 'TLSv1/SSLv3',
      cipher: 'AES128-GCM-SHA256',
      bits: 128,
      time: '2019-10-13T23:59:51.000Z',
    },
  ],
  [
    'Courier, today',
    'from a.example (a.example [::ffff:192.0.2.1])\n  (TLS: TLSv1.3,256bits,TLS_AES_256_GCM_SHA384)\n  by mx.example with UTF8ESMTPS; Sun, 13 Oct 2024 18:59:51 -0500',
    { tls: 'yes', version: 'TLSv1.3', cipher: AES, bits: 256 },
  ],
  [
    'McAfee gateway',
    'from mail2-ext.example (mail2-ext.example) by smarthost3.example with smtp\n        (TLS: TLSv1/SSLv3,256bits,ECDHE-RSA-AES256-GCM-SHA384)\n         id 4e32_9550_2168e048_2739_4706_8909_166f550daa28;\n        Tue, 27 Aug 2019 01:28:26 +0200',
    { protocol: 'SMTP', address: '', tls: 'yes', cipher: 'ECDHE-RSA-AES256-GCM-SHA384' },
  ],
  [
    'Symantec gateway',
    'from atlms1.example (atlms1.example [172.16.96.144])\n        (using TLS with cipher ECDHE-RSA-AES256-SHA384 (256/256 bits))\n        (Client did not present a certificate)\n        by atlmailgw2.example (Symantec Messaging Gateway) with SMTP id 58.7C.06269.8DDBB8D5; Wed, 25 Sep 2019 15:19:52 -0400 (EDT)',
    { tls: 'yes', version: '', cipher: 'ECDHE-RSA-AES256-SHA384', cert: 'none' },
  ],
  [
    'MailMarshal, no with',
    'from hqmail.example (Not Verified[203.0.113.13]) by hqnvemgate24.example (using TLS: TLSv1.2, AES256-SHA)\n        id <B5f77d0bb0000>; Fri, 02 Oct 2020 18:15:39 -0700',
    {
      address: '203.0.113.13',
      protocol: '',
      carrier: 'unknown',
      tls: 'yes',
      version: 'TLSv1.2',
      cipher: 'AES256-SHA',
      id: '<B5f77d0bb0000>',
    },
  ],
  [
    'Cellopoint, TLS in a form of its own',
    'from mtkcas10.example [(172.21.101.39)] by mailgw02.example\n (envelope-from <s@a.example>)\n (Cellopoint E-mail Firewall v4.1.14 Build 0819 with TLSv1.2 ECDHE-RSA-AES256-SHA384 256/256)\n with ESMTP id 2029360377; Thu, 29 Oct 2020 19:57:53 +0800',
    { address: '172.21.101.39', protocol: 'ESMTP', tls: 'unknown' },
  ],
  [
    'ZMailer',
    'from francis.example ([198.51.100.5]:21308 "EHLO exchange.example"\n\trhost-flags-OK-OK-OK-FAIL) by vger.example with ESMTP\n\tid S1754017Ab0GALH5 (ORCPT <rfc822;git@vger.example>);\n\tThu, 1 Jul 2010 07:07:57 -0400',
    {
      address: '198.51.100.5',
      by: 'vger.example',
      protocol: 'ESMTP',
      id: 'S1754017Ab0GALH5',
      tls: 'no',
      time: '2010-07-01T11:07:57.000Z',
    },
  ],
  [
    'mailing list',
    '(majordomo@vger.example) by vger.example via listexpand\n        id S1726342AbfIYTTx (ORCPT <rfc822;l@a.example>);\n        Wed, 25 Sep 2019 15:19:53 -0400',
    { from: '', carrier: 'local', by: 'vger.example' },
  ],
  [
    'Strato, TLS behind the id',
    `from sender by smtp.strato.example (RZmta 47.27.2 AUTH)\n with ESMTPSA id j0415bx5B7SSbBd\n (using TLSv1.3 with cipher ${AES} (256 bits))\n (Client did not present a certificate);\n Fri, 11 Jun 2021 09:28:28 +0200 (CEST)`,
    { from: 'sender', by: 'smtp.strato.example', id: 'j0415bx5B7SSbBd', tls: 'yes', bits: 256 },
  ],
  [
    'Cloudmark bizsmtp (not in the registry)',
    'from ramsan.example ([198.51.100.194])\n        by albert.example with bizsmtp\n        id R5qf240034C55Sk065qfPL; Thu, 04 Feb 2021 18:50:39 +0100',
    { protocol: 'BIZSMTP', tls: 'unknown' },
  ],
  [
    'Yahoo',
    'by hermes--production-bf1.example (Yahoo Inc. Hermes SMTP Server) with ESMTPA ID 9b21d7de7a2f4d8c;\n          Fri, 06 Jun 2025 10:45:33 +0000 (UTC)',
    { protocol: 'ESMTPA', id: '9b21d7de7a2f4d8c', tls: 'unknown' },
  ],
  [
    'Amazon SES, nothing but a date',
    'from b224-13.smtp-out.example (192.0.2.13) by mx.example.org; Fri, 06 Jun 2025 10:45:33 +0000',
    { address: '192.0.2.13', by: 'mx.example.org', protocol: '', carrier: 'unknown', tls: 'unknown' },
  ],
  // mailbox side
  [
    'Dovecot LMTP, socket',
    'from mx.example.org\n\tby imap.example.org (Dovecot) with LMTP id W8trGf2+m1sfOgAAcirHDw\n\tfor <user1@example.org>; Fri, 14 Sep 2018 14:01:26 +0000',
    { from: 'mx.example.org', address: '', protocol: 'LMTP', carrier: 'lmtp', tls: 'no' },
  ],
  [
    'Dovecot LMTP, TLS',
    'from smtpin1.example ([2001:db8:1:42:1::1])\n\t(using TLSv1.2 with cipher ECDHE-RSA-AES128-GCM-SHA256 (128/128 bits))\n\tby imap1.example (Dovecot) with LMTP id CmIDBvaxwl1rVwAA37iJ7g\n\tfor <t@example.org>; Wed, 06 Nov 2019 12:43:50 +0100',
    { carrier: 'lmtp', tls: 'yes', version: 'TLSv1.2', bits: 128 },
  ],
  [
    'LMTPS',
    'from mx.example.org ([192.0.2.1]) by imap.example.org with LMTPS id x (envelope-from <a@b>); Wed, 06 Nov 2019 12:43:50 +0100',
    { protocol: 'LMTPS', tls: 'yes' },
  ],
  [
    'Cyrus LMTP',
    'from ams-compute-02.internal (ams-compute-02.internal [10.64.2.62])\n\t by slotai03m05 (Cyrus 3.13.7-879-g3d7eacd738) with LMTPA;\n\t Tue, 29 Sep 2026 14:02:14 -0400',
    { address: '10.64.2.62', by: 'slotai03m05', protocol: 'LMTPA', carrier: 'lmtp', tls: 'no' },
  ],
  [
    'fetchmail',
    'from pop.example [192.0.2.110]\n\tby localhost with POP3 (fetchmail-6.4.21)\n\tfor <jm@localhost> (single-drop); Tue, 29 Sep 2026 14:02:14 -0400 (EDT)',
    { address: '192.0.2.110', protocol: 'POP3', tls: 'unknown' },
  ],
  // oddities
  [
    'RFC 5321, no comments',
    'from foo.example by bar.example via TCP with ESMTPS; Sat, 18 Apr 2026 20:05:38 -0400',
    { from: 'foo.example', by: 'bar.example', tls: 'yes', time: '2026-04-19T00:05:38.000Z' },
  ],
  [
    'obsolete year and zone',
    'from a.example by b.example with SMTP; Thu, 1 Jul 99 13:07:54 EST',
    { tls: 'no', time: '1999-07-01T18:07:54.000Z' },
  ],
  [
    'unknown zone',
    'from a.example by b.example with SMTP; Thu, 1 Jul 2021 13:07:54 MESZ',
    { time: '2021-07-01T13:07:54.000Z' },
  ],
  [
    'no such day',
    'from a.example by b.example with SMTP; Thu, 31 Feb 2021 13:07:54 +0000',
    { time: null, by: 'b.example' },
  ],
  [
    'a clause word as a host name',
    'from with by by with SMTP id for for id; Thu, 1 Jul 2021 13:07:54 +0000',
    { from: 'with', by: 'by', protocol: 'SMTP', id: 'for' },
  ],
  [
    'a comment that never ends',
    'from a.example (a.example [192.0.2.1] by b.example with ESMTPS; Thu, 1 Jul 2021 13:07:54 +0000',
    { from: 'a.example', by: '', time: null, tls: 'unknown' },
  ],
  ['empty', '', { from: '', by: '', protocol: '', tls: 'unknown', time: null }],
  ['nonsense', '\x00\xff;;;((()))', { from: '', by: '', tls: 'unknown', time: null }],
  // What is said of TLS and is no protection, or a weak one
  [
    'Sendmail of old, the classic form',
    'from a.example (IDENT:x@a.example [192.0.2.9])\n\tby mx.example.org (8.14.8/8.14.5) with ESMTP id sB\n\t(using TLSv1/SSLv3 with cipher DHE-RSA-AES256-GCM-SHA384 (256 bits) verified FAIL);\n\tWed, 10 Dec 2014 19:41:50 GMT',
    {
      tls: 'yes',
      version: 'TLSv1/SSLv3',
      cipher: 'DHE-RSA-AES256-GCM-SHA384',
      bits: 256,
      cert: 'untrusted',
      weak: '',
    },
  ],
  [
    'Sendmail, the classic form today',
    'from a.example (a.example [192.0.2.9])\n\tby mx.example.org (8.16.1/8.14.5) with ESMTPS id 3B\n\t(using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256 bits) verified NO)\n\tfor <b@example.org>; Mon, 4 Dec 2023 19:23:30 GMT',
    { tls: 'yes', version: 'TLSv1.3', bits: 256, cert: 'none', weak: '' },
  ],
  [
    'Sendmail, the classic form, verified',
    'from a.example (a.example [192.0.2.9])\n\tby mx.example.org (8.12.8/8.12.8) with ESMTP id 3B\n\t(using TLSv1/SSLv3 with cipher EDH-RSA-DES-CBC3-SHA (168 bits) verified OK);\n\tMon, 4 Dec 2003 19:23:30 GMT',
    { tls: 'yes', cert: 'trusted', weak: 'an old cipher' },
  ],
  [
    'Postfix, NULL cipher',
    'from a.example (a.example [192.0.2.9])\n\t(using TLSv1.2 with cipher ECDHE-RSA-NULL-SHA (0/0 bits))\n\t(No client certificate requested)\n\tby mx.example.org (Postfix) with ESMTPS id 1; Sun, 22 Nov 2026 18:47:31 +0000',
    { tls: 'no', protocol: 'ESMTPS', version: 'TLSv1.2', cipher: 'ECDHE-RSA-NULL-SHA', bits: 0 },
  ],
  [
    'Sendmail, NULL cipher',
    'from a.example (a.example [192.0.2.9])\n\tby mx.example.org (8.15.2/8.15.2) with ESMTPS id 1\n\t(version=TLSv1.2 cipher=NULL-SHA256 bits=0 verify=NO); Sun, 22 Nov 2026 18:47:31 +0000',
    { tls: 'no', cipher: 'NULL-SHA256' },
  ],
  [
    'Exchange, NULL cipher',
    'from a.example (192.0.2.9) by mx.example.org (192.0.2.1) with Microsoft SMTP Server (version=TLS1_2, cipher=TLS_RSA_WITH_NULL_SHA256) id 15.1.1; Sun, 22 Nov 2026 18:47:31 +0000',
    { tls: 'no', cipher: 'TLS_RSA_WITH_NULL_SHA256' },
  ],
  [
    'Exim, NULL cipher of GnuTLS',
    'from a.example ([192.0.2.9])\n\tby mx.example.org with esmtps (TLS1.2:RSA_NULL_SHA1:0)\n\t(Exim 4.96)\n\tid 1; Sun, 22 Nov 2026 18:47:31 +0000',
    { tls: 'no' },
  ],
  [
    'OpenSMTPD, a cipher of RFC 9150',
    'from a.example (a.example [192.0.2.9])\n\tby mx.example.org (OpenSMTPD) with ESMTPS id 1 (TLSv1.3:TLS_SHA256_SHA256:256:NO); Sun, 22 Nov 2026 18:47:31 +0000',
    { tls: 'no' },
  ],
  [
    'qmail, NULL cipher',
    'from unknown (HELO a.example) (192.0.2.9)\n  by mx.example.org with (NULL-SHA encrypted) SMTP; Sun, 22 Nov 2026 18:47:31 +0000',
    { tls: 'no' },
  ],
  [
    'Courier, NULL cipher',
    'from a.example (a.example [192.0.2.9])\n  (TLS: TLSv1/SSLv3,0bits,NULL-SHA)\n  by mx.example.org with ESMTPS; Sun, 22 Nov 2026 18:47:31 +0000',
    { tls: 'no' },
  ],
  [
    'IronPort',
    'from a.example ([192.0.2.9])\n  by mx.example.org with ESMTP/TLS/ECDHE-RSA-AES256-GCM-SHA384; 14 Apr 2023 03:35:56 -0700',
    { tls: 'yes', cipher: 'ECDHE-RSA-AES256-GCM-SHA384', weak: '' },
  ],
  [
    'IronPort, NULL cipher',
    'from a.example ([192.0.2.9])\n  by mx.example.org with ESMTP/TLS/NULL-SHA256; 14 Apr 2023 03:35:56 -0700',
    { tls: 'no', cipher: 'NULL-SHA256' },
  ],
  [
    'Postfix, anonymous cipher',
    'from a.example (a.example [192.0.2.9])\n\t(using TLSv1.2 with cipher AECDH-AES256-SHA (256/256 bits))\n\t(No client certificate requested)\n\tby mx.example.org (Postfix) with ESMTPS id 1; Sun, 22 Nov 2026 18:47:31 +0000',
    { tls: 'yes', weak: 'an anonymous cipher, without any certificate' },
  ],
  [
    'Exchange form, anonymous cipher',
    'from a.example (192.0.2.9) by mx.example.org with Microsoft SMTP Server (version=TLS1_2, cipher=TLS_DH_anon_WITH_AES_128_CBC_SHA) id 15.1.1; Sun, 22 Nov 2026 18:47:31 +0000',
    { tls: 'yes', weak: 'an anonymous cipher, without any certificate' },
  ],
  [
    'Postfix, export cipher',
    'from a.example (a.example [192.0.2.9])\n\t(using TLSv1 with cipher EXP-RC4-MD5 (40/128 bits))\n\tby mx.example.org (Postfix) with ESMTPS id 1; Sun, 22 Nov 2026 18:47:31 +0000',
    { tls: 'yes', bits: 40, weak: 'an export cipher' },
  ],
  [
    'IANA name, export cipher',
    'from a.example (192.0.2.9) by mx.example.org with Microsoft SMTP Server (version=TLS1_0, cipher=TLS_RSA_EXPORT_WITH_DES40_CBC_SHA) id 8.1; Sun, 22 Nov 2026 18:47:31 +0000',
    { tls: 'yes', weak: 'an export cipher' },
  ],
  [
    'Postfix, SSLv3',
    'from a.example (a.example [192.0.2.9])\n\t(using SSLv3 with cipher AES256-SHA (256/256 bits))\n\tby mx.example.org (Postfix) with ESMTPS id 1; Sun, 22 Nov 2026 18:47:31 +0000',
    { tls: 'yes', version: 'SSLv3', weak: 'below TLSv1.2' },
  ],
  [
    'Gmail, few bits',
    'from a.example (a.example. [192.0.2.9])\n\tby mx.google.example with ESMTPS id 1 (version=TLS1_2 cipher=X-CBC-SHA bits=112/168); Sun, 22 Nov 2026 18:47:31 +0000',
    { tls: 'yes', weak: 'fewer than 128 bits' },
  ],
  [
    'Mimecast, TLS behind the keyword',
    'from a.example (a.example\n [192.0.2.9]) by relay.mimecast.example with ESMTP with STARTTLS\n (version=TLSv1.3, cipher=TLS_AES_256_GCM_SHA384) id\n us-mta-528-x-1; Sun, 22 Nov 2026 18:47:31 +0000',
    { tls: 'yes', version: 'TLSv1.3', weak: '' },
  ],
  [
    'Mimecast, STARTTLS without details',
    'from a.example (a.example\n [192.0.2.9]) by relay.mimecast.example with ESMTP with STARTTLS id\n us-mta-528-x-1; Sun, 22 Nov 2026 18:47:31 +0000',
    { protocol: 'ESMTP', tls: 'unknown' },
  ],
  [
    'Mimecast, TLS in front',
    'from a.example (a.example\n [192.0.2.9]) (Using TLS) by relay.mimecast.example with ESMTP id\n us-mta-16-x-1; Sun, 22 Nov 2026 18:47:31 +0000',
    { tls: 'yes', version: '' },
  ],
  [
    'Haraka, TLSv1/SSLv3',
    'from a.example (a.example [192.0.2.9]) by mx.example.org (Haraka/2.8.16) with ESMTPSA id 4A.1\n envelope-from <m@a.example> (authenticated bits=0)\n (version=TLSv1/SSLv3 cipher=ECDHE-RSA-AES256-GCM-SHA384 verify=FAIL); Sun, 22 Nov 2026 18:47:31 +0000',
    { tls: 'yes', version: 'TLSv1/SSLv3', cert: 'untrusted' },
  ],
  [
    'OpenSMTPD of old, without brackets',
    'from a.example (a.example [192.0.2.9]);\n\tby mx.example.org (OpenSMTPD) with ESMTP id 99be\n\tTLS version=TLSv1.2 cipher=ECDHE-RSA-AES256-GCM-SHA384 bits=256 verify=NO;\n\tSun, 22 Nov 2026 18:47:31 +0000',
    { tls: 'yes', version: 'TLSv1.2', bits: 256, cert: 'none' },
  ],
  [
    'OpenSMTPD of old, NULL cipher',
    'from a.example (a.example [192.0.2.9]);\n\tby mx.example.org (OpenSMTPD) with ESMTPS id 99be;\n\tTLS version=TLSv1/SSLv3 cipher=NULL-SHA bits=0 verify=NO;\n\tfor <b@example.org>;\n\tSun, 22 Nov 2026 18:47:31 +0000',
    { tls: 'no' },
  ],
  [
    'Stalwart',
    'from a.example (a.example [192.0.2.9] (AS64496 Example, US))\n\t(using TLSv1.3 with cipher TLS13_AES_256_GCM_SHA384)\n\tby mx.example.org (Stalwart SMTP) with ESMTPS id 3D; Sun, 22 Nov 2026 18:47:31 +0000',
    { address: '192.0.2.9', tls: 'yes', version: 'TLSv1.3', cipher: 'TLS13_AES_256_GCM_SHA384', weak: '' },
  ],
  [
    'CommuniGate, plain and TLS differ in the keyword',
    'from [192.0.2.9] (account x HELO [10.0.0.1])\n  by mx.example.org (CommuniGate Pro SMTP 7.1.1)\n  with ESMTPS id 11859414; Sun, 22 Nov 2026 18:47:31 +0000',
    { address: '192.0.2.9', tls: 'yes' },
  ],
  [
    'CommuniGate, plain',
    'from [192.0.2.9] (HELO elite)\n  by mx.example.org (CommuniGate Pro SMTP 6.1.2)\n  with ESMTP id 650626433; Sun, 22 Nov 2026 18:47:31 +0000',
    { tls: 'no' },
  ],
  [
    'MDaemon, plain',
    'from a.example by mx.example.org (MDaemon PRO v10.1.1)\n with ESMTP id md50002385566.msg\n for <b@example.org>; Sun, 22 Nov 2026 18:47:31 +0000',
    { protocol: 'ESMTP', tls: 'no' },
  ],
  [
    'a client that calls itself TLS claims nothing',
    'from TLS (a.example [192.0.2.9]) by mx.example.org (Postfix) with ESMTP id 1; Sun, 22 Nov 2026 18:47:31 +0000',
    { tls: 'no' },
  ],
];
