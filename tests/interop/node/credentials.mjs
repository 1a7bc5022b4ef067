// oidc-provider with a client for every way of proving who one is, on two free ports of 127.0.0.1: http, and https that asks for a
// client certificate.
//
// Environment: FOLDER, where the keys are put: KEY.pem and KEY.jwk.json for each of the private keys, and one.crt, one.key, two.crt and two.key, self-signed
// certificates of clients, leaf.crt and leaf.key below ca.crt, and server.crt, which a client of the https port has to trust; INTEROP_SECRET, the secret of the
// clients that have one.
// Prints "ready HTTP HTTPS" when it listens.
//
// GET /seen?client=ID has what was last taken of this client's assertion, read by jose: its header and its claims, and whether a
// certificate was shown. POST /sign?key=KEY signs the claims of {header, claims}. GET /token-requests?client=ID says how many token requests of this
// client were granted, and how many refused; GET /metadata-requests how often the metadata was asked for. POST /move?to=PATH moves the token endpoint.
import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
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

// One key of each kind, as PEM and as JWK.
const keys = {};
for (const alg of ['ES256', 'ES384', 'RS256', 'PS256', 'RS384', 'EdDSA']) {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
  const shared = { kid: `key-${alg}`, use: 'sig' };
  // An RSA key is good for all three: which one is used is what is to be seen.
  keys[alg] = { privateKey, alg, jwk: { ...(await exportJWK(publicKey)), ...shared } };
  writeFileSync(`${folder}/${alg}.pem`, await exportPKCS8(privateKey));
  writeFileSync(`${folder}/${alg}.jwk.json`, JSON.stringify({ ...(await exportJWK(privateKey)), ...shared, alg }));
}
// As openssl writes a key of a curve: SEC1, behind the parameters.
const ecparam = execFileSync('openssl', ['ecparam', '-name', 'prime256v1', '-genkey']);
writeFileSync(`${folder}/SEC1.pem`, ecparam);

const openssl = (...args) => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
const EC = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '30'];
for (const name of ['one', 'two']) {
  openssl('req', '-x509', ...EC, '-keyout', `${name}.key`, '-out', `${name}.crt`, '-subj', `/CN=client ${name}`);
}
openssl('req', '-x509', ...EC, '-keyout', 'ca.key', '-out', 'ca.crt', '-subj', '/CN=interop authority');
openssl('req', ...EC.slice(0, -2), '-keyout', 'leaf.key', '-out', 'leaf.csr', '-subj', '/CN=leaf client');
openssl('x509', '-req', '-in', 'leaf.csr', '-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '30', '-out', 'leaf.crt');
openssl('req', '-x509', ...EC, '-keyout', 'server.key', '-out', 'server.crt', '-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1');

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
const clients = [
  ...Object.values(keys).map(({ alg, jwk }) =>
    client(`key ${alg}`, 'private_key_jwt', { jwks: { keys: [jwk] }, ...(alg === 'RS256' || alg === 'PS256' || alg === 'RS384' ? {} : { token_endpoint_auth_signing_alg: alg }) }),
  ),
  client('several keys', 'private_key_jwt', { jwks: { keys: Object.values(keys).map(({ jwk }) => jwk) } }),
  client('rotated', 'private_key_jwt', { jwks: { keys: [keys.ES256.jwk, keys.ES384.jwk] } }),
  client('secret jwt', 'client_secret_jwt', { client_secret: `${secret} and as long as it has to be` }),
  client('post', 'client_secret_post', { client_secret: secret }),
  client('bound beside a secret', 'client_secret_basic', { client_secret: secret, ...bound }),
  client('self-signed', 'self_signed_tls_client_auth', { jwks: { keys: ['one.crt', 'two.crt'].map(registered) }, ...bound }),
  client('of the authority', 'tls_client_auth', { tls_client_auth_subject_dn: 'CN=leaf client', ...bound }),
];

const seen = new Map();
const ended = new Map();
let metadataRequests = 0;
let moved;

const shown = (context) => context.socket.getPeerX509Certificate?.();

function provider(issuer) {
  const made = new Provider(issuer, {
    jwks: { keys: [signing] },
    scopes,
    clients,
    clientAuthMethods: [
      'client_secret_basic', 'client_secret_post', 'client_secret_jwt', 'private_key_jwt', 'tls_client_auth', 'self_signed_tls_client_auth',
    ],
    enabledJWA: { clientAuthSigningAlgValues: ['HS256', 'ES256', 'ES384', 'RS256', 'RS384', 'PS256', 'EdDSA', 'Ed25519'] },
    ttl: { ClientCredentials: 600 },
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      introspection: { enabled: true, allowedPolicy: () => true },
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
  made.use(async (context, next) => {
    await next();
    const { oidc: told } = context;
    if (told?.route !== 'token') return;
    const id = told.client?.clientId ?? told.params?.client_id;
    const assertion = told.params?.client_assertion;
    const read = (decode) => { try { return decode(assertion); } catch { return undefined; } };
    seen.set(id, { header: read(decodeProtectedHeader), claims: read(decodeJwt), certificate: Boolean(shown(context)) });
    const [granted, refused] = ended.get(id) ?? [0, 0];
    ended.set(id, context.status === 200 ? [granted + 1, refused] : [granted, refused + 1]);
  });
  return made.callback();
}

const answering = (issuer) => {
  const answer = provider(issuer);
  return async (request, response) => {
    const { pathname, searchParams } = new URL(request.url, issuer);
    const id = searchParams.get('client');
    const json = (value) => response.setHeader('content-type', 'application/json').end(JSON.stringify(value));
    if (pathname === '/seen') return json(seen.get(id) ?? {});
    if (pathname === '/token-requests') return response.end((ended.get(id) ?? [0, 0]).join(' '));
    if (pathname === '/metadata-requests') return response.end(String(metadataRequests));
    if (pathname === '/move') {
      moved = searchParams.get('to') || undefined;
      return response.end();
    }
    if (pathname === '/sign') {
      const { header, claims } = JSON.parse(await text(request));
      return response.end(await new SignJWT(claims).setProtectedHeader(header).sign(keys[searchParams.get('key')].privateKey));
    }
    if (pathname.startsWith('/.well-known/')) {
      metadataRequests += 1;
      // The one in the place of RFC 8414 as well, which oidc-provider has not.
      request.url = request.url.replace('oauth-authorization-server', 'openid-configuration');
      if (moved) {
        const document = await (await fetch(`${plain}/unmoved`)).json();
        return json({ ...document, issuer, token_endpoint: `${issuer}${moved}` });
      }
    }
    if (pathname === '/unmoved') request.url = '/.well-known/openid-configuration';
    if (moved && pathname === '/token') return response.writeHead(404).end();
    if (moved && pathname === moved) request.url = '/token';
    return answer(request, response);
  };
};

let plain;
const server = createServer((request, response) => plainly(request, response));
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
let plainly;
let secretly;
// The issuer names the port: it must be known first.
server.listen(0, '127.0.0.1', () => {
  plain = `http://127.0.0.1:${server.address().port}`;
  plainly = answering(plain);
  tls.listen(0, '127.0.0.1', () => {
    const secure = `https://127.0.0.1:${tls.address().port}`;
    secretly = answering(secure);
    console.log('ready', plain, secure);
  });
});
