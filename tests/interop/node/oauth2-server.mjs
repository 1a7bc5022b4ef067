// @node-oauth/oauth2-server, with the clients of the interop run, on a free port of 127.0.0.1. The library takes requests
// and makes answers; this file carries both, and keeps clients and tokens in memory.
//
// Environment: INTEROP_SECRET, the secret of every client. Prints "ready URL" when it listens. GET /token-requests says how
// many token requests came so far; /parcels is a resource that wants the scope read. The library has no revocation
// endpoint: POST /revoke forgets the token.
import { createServer } from 'node:http';
import OAuth2Server from '@node-oauth/oauth2-server';

const secret = process.env.INTEROP_SECRET;
const scopes = ['read', 'write'];
const client = (id, accessTokenLifetime) => ({ id, grants: ['client_credentials'], accessTokenLifetime });
const clients = new Map(
  // Of a client named brief, a token lives 3 seconds.
  [client('plain', 600), client('post', 600), client('brief', 3)].map((ours) => [ours.id, ours]),
);
const tokens = new Map();

const server = new OAuth2Server({
  model: {
    getClient: (id, given) => given === secret && clients.get(id),
    getUserFromClient: (ours) => ({ id: ours.id }),
    validateScope: (user, ours, asked = ['read']) => asked.every((scope) => scopes.includes(scope)) && asked,
    saveToken(token, ours, user) {
      const saved = { ...token, client: ours, user };
      tokens.set(saved.accessToken, saved);
      return saved;
    },
    getAccessToken: (token) => tokens.get(token),
    verifyScope: (token, wanted) => wanted.every((scope) => token.scope.includes(scope)),
  },
});

async function bodyOf(request) {
  let text = '';
  for await (const part of request) text += part;
  return request.headers['content-type']?.startsWith('application/json')
    ? JSON.parse(text)
    : Object.fromEntries(new URLSearchParams(text));
}

let tokenRequests = 0;

async function answer(request) {
  const { pathname, searchParams } = new URL(request.url, 'http://127.0.0.1');
  if (pathname === '/token-requests') return { body: tokenRequests };
  const posted = request.method === 'POST';
  if (posted && pathname === '/token') tokenRequests += 1;
  const { headers, method } = request;
  const query = Object.fromEntries(searchParams);
  const asked = new OAuth2Server.Request({ headers, method, query, body: await bodyOf(request) });
  const response = new OAuth2Server.Response();
  try {
    if (posted && pathname === '/token') await server.token(asked, response);
    else if (posted && pathname === '/revoke') tokens.delete(asked.body.token);
    else if (pathname === '/parcels') await server.authenticate(asked, response, { scope: ['read'] });
    else return { status: 404 };
  } catch (error) {
    // As the library's own wrapper for Express writes it.
    if (!(error instanceof OAuth2Server.OAuthError)) throw error;
    return { ...response, status: error.code, body: { error: error.name, error_description: error.message } };
  }
  return response;
}

createServer(async (request, response) => {
  try {
    const { status = 200, headers = {}, body = {} } = await answer(request);
    response.writeHead(status, { ...headers, 'content-type': 'application/json' }).end(JSON.stringify(body));
  } catch (error) {
    console.error(error);
    response.writeHead(500).end();
  }
}).listen(0, '127.0.0.1', function () {
  console.log('ready', `http://127.0.0.1:${this.address().port}`);
});
