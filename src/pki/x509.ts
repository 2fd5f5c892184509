// What quorate uses of @peculiar/x509. Load this with `await import('./x509.ts')`: it costs a tenth of a second, and most
// commands never issue a certificate. The names are listed because bundlers see no names in a dynamic import of CommonJS.
import './reflect-metadata.ts';

export {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  Name,
  Pkcs10CertificateRequest,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509';
