// oidc-provider, with the clients of the interop run, on a free port of 127.0.0.1.
//
// Environment: INTEROP_SECRET, the secret of every client; PLATFORM, the URL of what signs the assertions of those that have
// none. Prints "ready URL" when it listens. GET /token-requests says how many token requests came so far;
// /token-requests?client=ID, how many of this client were granted, and how many refused. POST /client?id=&method=&life= with a
// secret adds a client whose tokens live so many seconds, or gives it another secret.
import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import { exportJWK, generateKeyPair } from 'jose';
import * as oidc from 'oidc-provider';
import MemoryAdapter from 'oidc-provider/lib/adapters/memory_adapter.js';

const Provider = oidc.Provider ?? oidc.default;
const secret = process.env.INTEROP_SECRET;
const scopes = ['read', 'write'];
// The keys of the assertions.
const jwks = await (await fetch(`${process.env.PLATFORM}/jwks`)).json();

// Of a client named brief, a token lives 3 seconds.
const lives = new Map([['brief', 3]]);
const lifetime = (ours) => lives.get(ours.clientId) ?? 600;

const client = (id, method, given = secret) => ({
  client_id: id,
  ...(method === 'private_key_jwt' ? { jwks } : { client_secret: given }),
  token_endpoint_auth_method: method,
  grant_types: ['client_credentials'],
  response_types: [],
  redirect_uris: [],
  scope: scopes.join(' '),
});

const { privateKey } = await generateKeyPair('RS256', { extractable: true });
const key = { ...(await exportJWK(privateKey)), kid: 'interop', alg: 'RS256', use: 'sig' };

// Those that were added while it runs.
const added = new Map();

class Adapter extends MemoryAdapter {
  async find(id) {
    return this.model === 'Client' ? added.get(id) : super.find(id);
  }
}

let tokenRequests = 0;
const ended = new Map();
let answer;
const server = createServer(async (request, response) => {
  const { pathname, searchParams } = new URL(request.url, 'http://127.0.0.1');
  const { client: id } = Object.fromEntries(searchParams);
  if (request.method === 'POST' && pathname === '/token') tokenRequests += 1;
  if (pathname === '/token-requests' && id) response.end((ended.get(id) ?? [0, 0]).join(' '));
  else if (pathname === '/token-requests') response.end(String(tokenRequests));
  else if (pathname === '/client') {
    const { id: another, method, life } = Object.fromEntries(searchParams);
    lives.set(another, Number(life));
    added.set(another, client(another, method, await text(request)));
    response.end();
  } else answer(request, response);
});

// The issuer names the port: it must be known first.
server.listen(0, '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    adapter: Adapter,
    jwks: { keys: [key] },
    scopes,
    clients: [
      // An id and a secret that are not themselves in a Basic header, before or after their form encoding.
      client('evergrant:in/ter op', 'client_secret_basic'),
      client('plain', 'client_secret_basic'),
      client('post', 'client_secret_post'),
      client('brief', 'client_secret_basic'),
      client('resource', 'client_secret_basic'),
      client('asserted', 'private_key_jwt'),
    ],
    clientAuthMethods: ['client_secret_basic', 'client_secret_post', 'private_key_jwt'],
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
  provider.use(async (context, next) => {
    await next();
    const asked = context.oidc?.route === 'token' && context.oidc.client;
    if (!asked) return;
    const [granted, refused] = ended.get(asked.clientId) ?? [0, 0];
    ended.set(asked.clientId, context.status === 200 ? [granted + 1, refused] : [granted, refused + 1]);
  });
  answer = provider.callback();
  console.log('ready', issuer);
});
