// oidc-provider with a client for every way of proving who one is, as three issuers on two free ports of 127.0.0.1: one at http, one of
// a path below it, and one at https that asks for a client certificate.
//
// Environment: FOLDER, where the keys are put: KEY.pem and KEY.jwk.json for each of the private keys, SEC1.pem as openssl writes it, certificates of
// clients with their keys (one, two and stranger, each signed by itself, and leaf below ca.crt), and ca.crt, which a client of the https port has
// to trust; INTEROP_SECRET, the secret of the clients that have one. Prints "ready HTTP HTTPS" when it listens.
//
// Of each issuer, below it: GET /seen?client=ID has what came last of this client at the token endpoint: the header and the claims of its assertion,
// read by jose, the path, its client_id, and the subject of the certificate that was shown. GET /token-requests?client=ID says how many of its token
// requests were granted, and how many refused; GET /metadata-requests how often the metadata was asked for. POST /move?to=PATH moves the token
// endpoint, and without PATH back again. POST /sign?key=KEY signs the claims of {header, claims}. GET /parcels is a resource for tokens of any of
// the issuers: it says what a token is bound to, and at https it wants such a token from the connection with that certificate alone.
import { execFileSync } from 'node:child_process';
import { X509Certificate, createHash, createPrivateKey, createPublicKey } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { text } from 'node:stream/consumers';
import { SignJWT, decodeJwt, decodeProtectedHeader, exportJWK, exportPKCS8, generateKeyPair } from 'jose';
import * as oidc from 'oidc-provider';

const Provider = oidc.Provider ?? oidc.default;
const folder = process.env.FOLDER;
const secret = process.env.INTEROP_SECRET;
const scopes = ['read', 'write'];
// Whose keys others can read is no client of evergrant's.
process.umask(0o077);

// One key of each kind, as PEM and as JWK.
const keys = {};
for (const alg of ['ES256', 'ES384', 'RS256', 'PS256', 'RS384', 'EdDSA']) {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
  const shared = { kid: `key-${alg}`, use: 'sig' };
  // An RSA key is good for all three algorithms: which one is used is what is to be seen.
  keys[alg] = { privateKey, jwk: { ...(await exportJWK(publicKey)), ...shared } };
  writeFileSync(`${folder}/${alg}.pem`, await exportPKCS8(privateKey));
  writeFileSync(`${folder}/${alg}.jwk.json`, JSON.stringify({ ...(await exportJWK(privateKey)), ...shared, alg }));
}
// As openssl writes a key of a curve: SEC1, behind the parameters.
const ecparam = execFileSync('openssl', ['ecparam', '-name', 'prime256v1', '-genkey'], { stdio: 'pipe' });
writeFileSync(`${folder}/SEC1.pem`, ecparam);
const sec1 = createPrivateKey(ecparam);
keys.SEC1 = { privateKey: sec1, jwk: { ...createPublicKey(sec1).export({ format: 'jwk' }), kid: 'key-SEC1', use: 'sig' } };

const openssl = (...args) => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
const EC = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '30'];
for (const name of ['one', 'two', 'stranger']) {
  openssl('req', '-x509', ...EC, '-keyout', `${name}.key`, '-out', `${name}.crt`, '-subj', `/CN=client ${name}`);
}
openssl('req', '-x509', ...EC, '-keyout', 'ca.key', '-out', 'ca.crt', '-subj', '/CN=interop authority');
writeFileSync(`${folder}/server.ext`, 'subjectAltName = IP:127.0.0.1');
writeFileSync(`${folder}/leaf.ext`, 'extendedKeyUsage = clientAuth');
for (const [name, subject] of [['server', '127.0.0.1'], ['leaf', 'leaf client']]) {
  openssl('req', ...EC.slice(0, -2), '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${subject}`);
  const authority = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '30', '-extfile', `${name}.ext`];
  openssl('x509', '-req', '-in', `${name}.csr`, ...authority, '-out', `${name}.crt`);
}

const { privateKey } = await generateKeyPair('RS256', { extractable: true });
const signing = { ...(await exportJWK(privateKey)), kid: 'interop', alg: 'RS256', use: 'sig' };

const client = (id, method, more = {}) => ({
  client_id: id,
  token_endpoint_auth_method: method,
  grant_types: ['client_credentials'],
  response_types: [],
  redirect_uris: [],
  scope: scopes.join(' '),
  ...more,
});
const registered = (file) => {
  const certificate = new X509Certificate(readFileSync(`${folder}/${file}`));
  return { ...certificate.publicKey.export({ format: 'jwk' }), x5c: [certificate.raw.toString('base64')], kid: file };
};
const bound = { tls_client_certificate_bound_access_tokens: true };
const ofKeys = (id, names, more) => client(id, 'private_key_jwt', { jwks: { keys: names.map((name) => keys[name].jwk) }, ...more });
const selfSigned = { jwks: { keys: ['one.crt', 'two.crt'].map(registered) }, ...bound };
// The tokens of those whose id begins like this live 3 seconds.
const BRIEF = 'brief ';
const clients = [
  ...Object.keys(keys).map((name) => ofKeys(`key ${name}`, [name])),
  ofKeys('ES256 alone', ['ES256'], { token_endpoint_auth_signing_alg: 'ES256' }),
  // Two of them for the same algorithm.
  ofKeys('several keys', ['SEC1', 'ES384', 'ES256']),
  ofKeys('renewed', ['ES256', 'ES384']),
  ...['run', 'gateway'].map((kind) => ofKeys(`${BRIEF}key of ${kind}`, ['ES256', 'ES384'])),
  ofKeys('bound beside a key', ['ES256'], bound),
  client('secret jwt', 'client_secret_jwt', { client_secret: `${secret} and as long as it has to be` }),
  client('post', 'client_secret_post', { client_secret: secret }),
  client('bound beside a secret', 'client_secret_basic', { client_secret: secret, ...bound }),
  client('self-signed', 'self_signed_tls_client_auth', selfSigned),
  ...['run', 'gateway'].map((kind) => client(`${BRIEF}certificate of ${kind}`, 'self_signed_tls_client_auth', selfSigned)),
  client('of the authority', 'tls_client_auth', { tls_client_auth_subject_dn: 'CN=leaf client', ...bound }),
];

const shown = (context) => context.socket.getPeerX509Certificate?.();
const thumbprint = (certificate) => createHash('sha256').update(certificate.raw).digest('base64url');

const providers = [];

// What answers below this issuer.
function answering(issuer) {
  const seen = new Map();
  const ended = new Map();
  let metadataRequests = 0;
  let moved;
  const { pathname: prefix } = new URL(issuer);
  const mount = prefix === '/' ? '' : prefix;

  const provider = new Provider(issuer, {
    jwks: { keys: [signing] },
    scopes,
    clients,
    clientAuthMethods: [
      'client_secret_basic', 'client_secret_post', 'client_secret_jwt', 'private_key_jwt', 'tls_client_auth', 'self_signed_tls_client_auth',
    ],
    enabledJWA: { clientAuthSigningAlgValues: ['HS256', 'ES256', 'ES384', 'RS256', 'RS384', 'PS256', 'EdDSA', 'Ed25519'] },
    ttl: { ClientCredentials: (context, token, ours) => (ours.clientId.startsWith(BRIEF) ? 3 : 600) },
    // Where a server has mutual TLS at another place than the rest of it (RFC 8705, section 5).
    discovery: issuer.startsWith('https:') ? { mtls_endpoint_aliases: { token_endpoint: `${issuer}/mtls/token` } } : {},
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      mTLS: {
        enabled: true,
        certificateBoundAccessTokens: true,
        selfSignedTlsClientAuth: true,
        tlsClientAuth: true,
        getCertificate: shown,
        // Whom the handshake has found to be of the authority.
        certificateAuthorized: (context) => context.socket.authorized,
        certificateSubjectMatches: (context, property, expected) => shown(context)?.subject === expected,
      },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => undefined,
        useGrantedResource: () => true,
        getResourceServerInfo: (context, resource) => ({
          scope: scopes.join(' '),
          audience: resource,
          accessTokenFormat: 'jwt',
          accessTokenTTL: 600,
          jwt: { sign: { alg: 'RS256' } },
        }),
      },
    },
  });
  provider.use(async (context, next) => {
    await next();
    const { oidc: told } = context;
    if (told?.route === 'discovery') {
      metadataRequests += 1;
      if (moved) context.body = { ...context.body, token_endpoint: issuer + moved };
    }
    if (told?.route !== 'token') return;
    const id = told.client?.clientId ?? told.params?.client_id;
    const assertion = told.params?.client_assertion;
    const read = (decode) => { try { return decode(assertion); } catch { return undefined; } };
    seen.set(id, {
      path: context.req.asked,
      client_id: told.params?.client_id,
      header: read(decodeProtectedHeader),
      claims: read(decodeJwt),
      certificate: shown(context)?.subject,
    });
    const [granted, refused] = ended.get(id) ?? [0, 0];
    ended.set(id, context.status === 200 ? [granted + 1, refused] : [granted, refused + 1]);
  });
  const callback = provider.callback();
  providers.push(provider);

  async function resource(request, response) {
    const token = /^Bearer ([\x21-\x7e]+)$/.exec(request.headers.authorization ?? '')?.[1];
    const found = token && (await Promise.all(providers.map(({ ClientCredentials }) => ClientCredentials.find(token)))).find(Boolean);
    const binding = found?.['x5t#S256'];
    const certificate = shown(request);
    // Otherwise it would be good for another 15 s, for clocks that are apart.
    const isGood = found && found.exp * 1000 > Date.now();
    const isItsOwn = !binding || !request.socket.encrypted || (certificate && thumbprint(certificate) === binding);
    if (!isGood || !isItsOwn) {
      response.writeHead(401, { 'www-authenticate': 'Bearer realm="parcels", error="invalid_token"' }).end();
    } else {
      response.setHeader('content-type', 'application/json').end(JSON.stringify({ bound_to: binding }));
    }
  }

  return async (request, response) => {
    const { pathname, searchParams } = new URL(request.url, issuer);
    const id = searchParams.get('client');
    const json = (value) => response.setHeader('content-type', 'application/json').end(JSON.stringify(value));
    // In the place of RFC 8414, which oidc-provider has not, the path of the issuer is the last part.
    const path = pathname === `/.well-known/oauth-authorization-server${mount}`
      ? '/.well-known/openid-configuration'
      : pathname.slice(mount.length);
    if (path === '/seen') return json(seen.get(id) ?? {});
    if (path === '/token-requests') return response.end((ended.get(id) ?? [0, 0]).join(' '));
    if (path === '/metadata-requests') return response.end(String(metadataRequests));
    if (path === '/move') {
      moved = searchParams.get('to') || undefined;
      return response.end();
    }
    if (path === '/sign') {
      const { header, claims } = JSON.parse(await text(request));
      return response.end(await new SignJWT(claims).setProtectedHeader(header).sign(keys[searchParams.get('key')].privateKey));
    }
    if (path === '/parcels') return resource(request, response);
    if (moved && path === '/token') return response.writeHead(404).end();
    const isToken = path === moved || (path === '/mtls/token' && request.socket.encrypted);
    request.asked = path;
    request.originalUrl = mount + path;
    request.url = isToken ? '/token' : path;
    return callback(request, response);
  };
}

const PATH = '/tenants/parcels';
let plainly;
let ofTenant;
let secretly;
const server = createServer((request, response) => (request.url.includes(PATH) ? ofTenant : plainly)(request, response));
const tls = createTlsServer(
  {
    cert: readFileSync(`${folder}/server.crt`),
    key: readFileSync(`${folder}/server.key`),
    ca: readFileSync(`${folder}/ca.crt`),
    requestCert: true,
    rejectUnauthorized: false,
  },
  (request, response) => secretly(request, response),
);
// The issuer names the port: it must be known first.
server.listen(0, '127.0.0.1', () => {
  const plain = `http://127.0.0.1:${server.address().port}`;
  plainly = answering(plain);
  ofTenant = answering(plain + PATH);
  tls.listen(0, '127.0.0.1', () => {
    const secure = `https://127.0.0.1:${tls.address().port}`;
    secretly = answering(secure);
    console.log('ready', plain, secure);
  });
});
