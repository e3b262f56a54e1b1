/**
 * Policy delegation requests as Postfix sends them, `|` for LF and the empty line left off.
 *
 * 3.7 and 3.12 are as seen on the wire; the older ones follow the table of attributes by version in SMTPD_POLICY_README:
 * 2.1 the basic set, 2.2 size, sasl and ccert, 2.3 recipient_count, etrn_domain and encryption, 2.5 stress, 2.9
 * ccert_pubkey_fingerprint, 3.0 client_port, 3.1 policy_context, 3.2 server address and port, 3.8 the two versions,
 * 3.12 tls_sni.
 */
import { Buffer } from 'node:buffer';

const CERTIFICATE =
  'B7:3C:51:0E:9A:24:77:D0:18:6F:C2:5B:E9:40:83:AA:0D:F6:31:94:7E:52:BD:08:C5:1A:6B:E3:90:2F:D7:92';
const PUBLIC_KEY =
  'C1:D9:02:5E:48:B3:FA:61:97:0C:8D:24:E5:7A:3B:60:11:D8:9F:42:CE:05:76:A3:3D:EB:58:90:14:67:2C:03';
const OLD_CERTIFICATE = '24:0E:D7:13:5B:9C:88:F1:6A:30:CE:47:95:B2:D4:0A';

export const REQUESTS = {
  /** Nothing of TLS at all. */
  'postfix 2.1 RCPT':
    'request=smtpd_access_policy|protocol_state=RCPT|protocol_name=SMTP|client_address=192.0.2.7|client_name=mail.partner.example|reverse_client_name=mail.partner.example|helo_name=mail.partner.example|sender=alice@partner.example|recipient=bob@good.example|queue_id=|instance=123.456.7',
  'postfix 2.6 RCPT': `request=smtpd_access_policy|protocol_state=RCPT|protocol_name=ESMTP|client_address=192.0.2.7|client_name=unknown|reverse_client_name=unknown|helo_name=mail.partner.example|sender=alice@partner.example|recipient=bob@good.example|recipient_count=0|queue_id=|instance=5a1.49f0a6b3.7d2b5.0|size=12345|etrn_domain=|stress=|sasl_method=|sasl_username=|sasl_sender=|ccert_subject=|ccert_issuer=|ccert_fingerprint=${OLD_CERTIFICATE}|encryption_protocol=TLSv1|encryption_cipher=DHE-RSA-AES256-SHA|encryption_keysize=256`,
  'postfix 3.0 RCPT plain':
    'request=smtpd_access_policy|protocol_state=RCPT|protocol_name=ESMTP|client_address=2001:db8::25|client_name=mx.partner.example|client_port=40312|reverse_client_name=mx.partner.example|helo_name=mx.partner.example|sender=|recipient=bob@good.example|recipient_count=0|queue_id=|instance=1c2.54e0.1.0|size=0|etrn_domain=|stress=|sasl_method=|sasl_username=|sasl_sender=|ccert_subject=|ccert_issuer=|ccert_fingerprint=|ccert_pubkey_fingerprint=|encryption_protocol=|encryption_cipher=|encryption_keysize=0',
  'postfix 3.7 RCPT':
    'request=smtpd_access_policy|protocol_state=RCPT|protocol_name=ESMTP|client_address=127.0.0.10|client_name=unknown|client_port=42456|reverse_client_name=host10.test|server_address=127.0.0.10|server_port=10026|helo_name=client.partner.example|sender=alice@partner.example|recipient=bob@good.example|recipient_count=0|queue_id=|instance=53a9.6b031db3.18511.0|size=0|etrn_domain=|stress=|sasl_method=|sasl_username=|sasl_sender=|ccert_subject=|ccert_issuer=|ccert_fingerprint=|ccert_pubkey_fingerprint=|encryption_protocol=TLSv1.3|encryption_cipher=TLS_AES_256_GCM_SHA384|encryption_keysize=256|policy_context=',
  'postfix 3.7 DATA several':
    'request=smtpd_access_policy|protocol_state=DATA|protocol_name=ESMTP|client_address=127.0.0.10|client_name=unknown|client_port=42456|reverse_client_name=host10.test|server_address=127.0.0.10|server_port=10026|helo_name=client.partner.example|sender=alice@partner.example|recipient=|recipient_count=2|queue_id=383742289AD|instance=53a9.6b031db3.18511.0|size=0|etrn_domain=|stress=|sasl_method=|sasl_username=|sasl_sender=|ccert_subject=|ccert_issuer=|ccert_fingerprint=|ccert_pubkey_fingerprint=|encryption_protocol=TLSv1.3|encryption_cipher=TLS_AES_256_GCM_SHA384|encryption_keysize=256|policy_context=',
  'postfix 3.7 RCPT self-signed': `request=smtpd_access_policy|protocol_state=RCPT|protocol_name=ESMTP|client_address=127.0.0.10|client_name=unknown|client_port=42460|reverse_client_name=host10.test|server_address=127.0.0.10|server_port=10027|helo_name=client.partner.example|sender=alice@partner.example|recipient=bob@good.example|recipient_count=0|queue_id=|instance=53a9.6b031db9.22.0|size=0|etrn_domain=|stress=|sasl_method=|sasl_username=|sasl_sender=|ccert_subject=|ccert_issuer=|ccert_fingerprint=${CERTIFICATE}|ccert_pubkey_fingerprint=${PUBLIC_KEY}|encryption_protocol=TLSv1.3|encryption_cipher=TLS_AES_256_GCM_SHA384|encryption_keysize=256|policy_context=`,
  /** A build without SASL. */
  'postfix 3.12 RCPT verified': `request=smtpd_access_policy|protocol_state=RCPT|protocol_name=ESMTP|client_address=127.0.0.10|client_name=unknown|client_port=42470|reverse_client_name=host10.test|server_address=127.0.0.10|server_port=10028|helo_name=client.partner.example|sender=alice@partner.example|recipient=bob@good.example|recipient_count=0|queue_id=|instance=6b1.6b031dc0.2a1.0|size=0|etrn_domain=|stress=|ccert_subject=client.partner.example|ccert_issuer=Experiment+20Root+20CA|ccert_fingerprint=${CERTIFICATE}|ccert_pubkey_fingerprint=${PUBLIC_KEY}|encryption_protocol=TLSv1.3|encryption_cipher=TLS_AES_256_GCM_SHA384|encryption_keysize=256|tls_sni=|policy_context=|compatibility_level=3.6|mail_version=3.12-20260821`,
  'postfix 3.12 END-OF-MESSAGE one': `request=smtpd_access_policy|protocol_state=END-OF-MESSAGE|protocol_name=ESMTP|client_address=127.0.0.10|client_name=unknown|client_port=42470|reverse_client_name=host10.test|server_address=127.0.0.10|server_port=10028|helo_name=client.partner.example|sender=alice@partner.example|recipient=bob@good.example|recipient_count=1|queue_id=4gLmPz0Hq5z2|instance=6b1.6b031dc0.2a1.0|size=51|etrn_domain=|stress=|ccert_subject=|ccert_issuer=Experiment+20Root+20CA|ccert_fingerprint=${CERTIFICATE}|ccert_pubkey_fingerprint=${PUBLIC_KEY}|encryption_protocol=TLSv1.3|encryption_cipher=TLS_AES_256_GCM_SHA384|encryption_keysize=256|tls_sni=mx.good.example|policy_context=edge|compatibility_level=3.6|mail_version=3.12-20260821`,
  'postfix 3.7 CONNECT':
    'request=smtpd_access_policy|protocol_state=CONNECT|protocol_name=SMTP|client_address=127.0.0.10|client_name=unknown|client_port=42456|reverse_client_name=host10.test|server_address=127.0.0.10|server_port=10026|helo_name=|sender=|recipient=|recipient_count=0|queue_id=|instance=|size=0|etrn_domain=|stress=|sasl_method=|sasl_username=|sasl_sender=|ccert_subject=|ccert_issuer=|ccert_fingerprint=|ccert_pubkey_fingerprint=|encryption_protocol=|encryption_cipher=|encryption_keysize=0|policy_context=',
} as const;

export type RequestName = keyof typeof REQUESTS;
export const CERTIFICATE_DIGEST: string = CERTIFICATE;
export const PUBLIC_KEY_DIGEST: string = PUBLIC_KEY;

/** The bytes on the wire of a request in the notation above. */
export function wire(text: string): Buffer {
  return Buffer.from(`${text.replaceAll('|', '\n')}\n\n`, 'utf8');
}

export function requestBytes(name: RequestName): Buffer {
  return wire(REQUESTS[name]);
}
