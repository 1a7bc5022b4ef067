// oidc-provider, with the clients of the interop run, on a free port of 127.0.0.1.
//
// Environment: INTEROP_SECRET, the secret of every client. Prints "ready URL" when it listens.
// GET /token-requests says how many token requests came so far.
import { createServer } from 'node:http';
import { exportJWK, generateKeyPair } from 'jose';
import * as oidc from 'oidc-provider';

const Provider = oidc.Provider ?? oidc.default;
const secret = process.env.INTEROP_SECRET;
const scopes = ['read', 'write'];

// Of a client named brief, a token lives 3 seconds.
const lifetime = (client) => (client.clientId === 'brief' ? 3 : 600);

const client = (id, method) => ({
  client_id: id,
  client_secret: secret,
  token_endpoint_auth_method: method,
  grant_types: ['client_credentials'],
  response_types: [],
  redirect_uris: [],
  scope: scopes.join(' '),
});

const { privateKey } = await generateKeyPair('RS256', { extractable: true });
const key = { ...(await exportJWK(privateKey)), kid: 'interop', alg: 'RS256', use: 'sig' };

let tokenRequests = 0;
let answer;
const server = createServer((request, response) => {
  if (request.method === 'POST' && request.url.split('?')[0] === '/token') tokenRequests += 1;
  if (request.url === '/token-requests') response.end(String(tokenRequests));
  else answer(request, response);
});

// The issuer names the port: it must be known first.
server.listen(0, '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    jwks: { keys: [key] },
    scopes,
    clients: [
      // An id and a secret that are not themselves in a Basic header, before or after their form encoding.
      client('evergrant:in/ter op', 'client_secret_basic'),
      client('plain', 'client_secret_basic'),
      client('post', 'client_secret_post'),
      client('brief', 'client_secret_basic'),
      client('resource', 'client_secret_basic'),
    ],
    clientAuthMethods: ['client_secret_basic', 'client_secret_post'],
    ttl: { ClientCredentials: (context, token, ours) => token.resourceServer?.accessTokenTTL ?? lifetime(ours) },
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      introspection: { enabled: true, allowedPolicy: () => true },
      revocation: { enabled: true, allowedPolicy: () => true },
      // A token for a resource is a JWT; one for none is opaque.
      resourceIndicators: {
        enabled: true,
        defaultResource: () => undefined,
        useGrantedResource: () => true,
        getResourceServerInfo: (context, resource, ours) => ({
          scope: scopes.join(' '),
          audience: resource,
          accessTokenFormat: 'jwt',
          accessTokenTTL: lifetime(ours),
          jwt: { sign: { alg: 'RS256' } },
        }),
      },
    },
  });
  answer = provider.callback();
  console.log('ready', issuer);
});
